// What a webhook is told: identifiers and dates, as the API shows them to the structure. No name of a holder, no address. Pure.

import type { ClaimedDelivery } from '#db/webhook-deliveries.ts';

/** Rises when a receiver that reads an older one would misunderstand; what is added changes nothing. */
const VERSION = 1;

type Told = Pick<ClaimedDelivery, 'event' | 'threshold' | 'reason' | 'occurredAt' | 'certificate'>;

/** The same for one event however often and to whomever it is told. */
export const eventIdOf = ({ event, threshold, certificate }: Told): string =>
  [event, certificate.id, ...(threshold === null ? [] : [threshold])].join('/');

/** The document of an event; the same at each try. */
export const documentOf = (told: Told) => ({
  version: VERSION,
  event: told.event,
  id: eventIdOf(told),
  occurredAt: told.occurredAt.toISOString(),
  certificate: certificateOf(told),
});

const certificateOf = ({ threshold, reason, certificate }: Told) => ({
  id: certificate.id,
  profile: certificate.profile,
  issuer: certificate.issuer,
  serial: certificate.serial,
  structure: certificate.structure,
  notBefore: certificate.notBefore.toISOString(),
  notAfter: certificate.notAfter.toISOString(),
  // an older event says nothing of what came after it
  ...(reason === null || certificate.revokedAt === null
    ? {}
    : { revokedAt: certificate.revokedAt.toISOString(), reason }),
  ...(threshold === null ? {} : { threshold }),
  path: `/v1/certificates/${certificate.id}`,
});

/** The document of a test, which is about no certificate. */
export const pingDocument = (id: string, now: Date) => ({
  version: VERSION,
  event: 'ping',
  id,
  occurredAt: now.toISOString(),
});
