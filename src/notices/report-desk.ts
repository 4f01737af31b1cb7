// Where a mail system that cannot leave files hands in its delivery reports. It is a program without a card, so it is known by a secret
// of its own; what it hands in is only kept here, and believed no more than a file (bounces.ts).

import { createHash, timingSafeEqual } from 'node:crypto';
import { recordReport } from '#db/delivery-reports.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { readWebhookSecret } from '../webhook-secret.ts';

const LEAST_SECRET = 32;

export type ReportDesk = {
  /** Throws Refusal `not_found` where no mail system is known, `bearer_token_refused` for any token but its own. */
  admit(token: string | undefined): void;
  /** Keeps a message of 1 to 262,144 octets for the worker. Outage when the database or the clock is away. */
  record(message: Uint8Array): Promise<void>;
};

/** Opens it if BOUNCE_SECRET_FILE is set. Throws Refusal `configuration_invalid` when that cannot be read or holds less than 32 characters. */
export function createReportDesk({ config, db, clock }: Needs<'config' | 'db' | 'clock'>): ReportDesk {
  const secret =
    config.BOUNCE_SECRET_FILE === undefined
      ? undefined
      : digestOf(readWebhookSecret(config, 'BOUNCE_SECRET_FILE', LEAST_SECRET));
  return {
    admit(token) {
      if (secret === undefined) throw new Refusal('not_found', 'no delivery report is taken here');
      // digests are as long as each other, so nothing is told by the time that this takes
      if (token === undefined || !timingSafeEqual(digestOf(token), secret))
        throw new Refusal('bearer_token_refused', 'this is not the token of the mail system');
    },
    record: (message) => recordReport(db.read, message, clock()),
  };
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
