// One national identifier is one person: an order that gives it to another name is refused, for the two would be one in every
// program that reads the identifier. That the person exists and wants the certificate, registration will ask one day.

import { lastHolder } from '#db/certificates.ts';
import { type Finding, Refusal } from '../errors.ts';
import { type Holder, holderKey } from '../policy/holder.ts';
import type { Needs } from '../system.ts';

const NAMES = ['familyName', 'givenName', 'profession'] as const;

/**
 * Throws Refusal `holder_invalid` when the last certificate that was issued for this person's identifier says another name or
 * profession. An operator, who has seen papers, may issue all the same: from then on the new name is the person's.
 */
export async function refuseOtherPerson({ db }: Needs<'db'>, holder: Holder): Promise<void> {
  if (holder.kind !== 'professional' && holder.kind !== 'employee') return;
  const before = await lastHolder(db.read, holderKey(holder));
  if (before === undefined) return;
  const now: Readonly<Record<string, unknown>> = { ...holder };
  const findings = NAMES.filter((name) => comparable(before[name]) !== comparable(now[name])).map(
    (name): Finding => ({
      rule: 'one national identifier is one person',
      at: `/holder/${name}`,
      detail: 'certificates for this identifier say otherwise',
      remedy: 'correct it, or ask an operator if the person has changed it',
    }),
  );
  if (findings.length > 0) throw new Refusal('holder_invalid', 'this identifier is another person’s', findings);
}

/** Capitals are a matter of style: Durand is DURAND. */
const comparable = (value: unknown): unknown => (typeof value === 'string' ? value.toLocaleUpperCase('fr') : value);
