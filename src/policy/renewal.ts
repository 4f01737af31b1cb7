// When a certificate should be renewed: in a window before its end, or at once after an incident (the idea of RFC 9773 §4, for REST).

import { monthsBefore } from './calendar.ts';

/** What ends a certificate before its time. */
export const INCIDENTS = ['revoked', 'authority_revoked', 'key_blocked'] as const;
export type Incident = { readonly kind: (typeof INCIDENTS)[number]; readonly at: Date };

/** A window in the past says: now. */
export type RenewalWindow = {
  readonly start: Date;
  readonly end: Date;
  readonly reason: Incident['kind'] | 'end_of_validity';
};

const OPENS_MONTHS = 2;
const CLOSES_MONTHS = 1;
/** How long the window before an incident is said to have been: RFC 9773 wants an end after the start. */
const PAST_MS = 60_000;

type Lived = { readonly notBefore: Date; readonly notAfter: Date };

/**
 * From two calendar months before the end to one, in UTC; of a short life the third quarter. After an incident a window that ended
 * when it happened; of several incidents the first.
 */
export function decideRenewal({ notBefore, notAfter }: Lived, incidents: readonly Incident[]): RenewalWindow {
  const [first] = incidents.toSorted((one, other) => one.at.getTime() - other.at.getTime());
  if (first !== undefined) {
    return { start: new Date(first.at.getTime() - PAST_MS), end: first.at, reason: first.kind };
  }
  const atLeast = (share: number, moment: Date): Date =>
    new Date(Math.max(moment.getTime(), notBefore.getTime() + share * (notAfter.getTime() - notBefore.getTime())));
  return {
    start: atLeast(0.5, monthsBefore(notAfter, OPENS_MONTHS)),
    end: atLeast(0.75, monthsBefore(notAfter, CLOSES_MONTHS)),
    reason: 'end_of_validity',
  };
}
