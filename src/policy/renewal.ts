// When a certificate should be renewed: in a window before its end, or at once after an incident (the idea of RFC 9773 §4, for REST).
// The window opens when the first mail warns of the end, so that mail and window never disagree.

import { thresholdInstant } from './due.ts';
import type { NoticePolicy } from './notices.ts';

/** What ends a certificate before its time. */
export const INCIDENTS = ['revoked', 'authority_revoked', 'key_blocked'] as const;
export type Incident = { readonly kind: (typeof INCIDENTS)[number]; readonly at: Date };

/** A window in the past says: now. */
export type RenewalWindow = {
  readonly start: Date;
  readonly end: Date;
  readonly reason: Incident['kind'] | 'end_of_validity';
};

/** How long the window before an incident is said to have been: RFC 9773 wants an end after the start. */
const PAST_MS = 60_000;

type Lived = { readonly notBefore: Date; readonly notAfter: Date };
type Rule = Pick<NoticePolicy, 'thresholds' | 'zone'>;

/**
 * From the first threshold of the notices to the second, on their calendar, or to the middle of what is left where there is one alone;
 * of a short life the third quarter. After an incident a window that ended when it happened; of several incidents the first.
 */
export function decideRenewal(
  { notBefore, notAfter }: Lived,
  incidents: readonly Incident[],
  { thresholds, zone }: Rule,
): RenewalWindow {
  const [first] = incidents.toSorted((one, other) => one.at.getTime() - other.at.getTime());
  if (first !== undefined) {
    return { start: new Date(first.at.getTime() - PAST_MS), end: first.at, reason: first.kind };
  }
  const atLeast = (share: number, moment: number): Date =>
    new Date(Math.max(moment, notBefore.getTime() + share * (notAfter.getTime() - notBefore.getTime())));
  const [opens = notAfter.getTime(), closes = (opens + notAfter.getTime()) / 2] = thresholds.map((threshold) =>
    thresholdInstant(notAfter, threshold, zone).getTime(),
  );
  return { start: atLeast(0.5, opens), end: atLeast(0.75, closes), reason: 'end_of_validity' };
}
