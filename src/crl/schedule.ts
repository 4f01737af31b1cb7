// When CRLs are made and how long they say they are good for: policy data of the hierarchy, read here and nowhere else.

import type { Authority } from '../authority.ts';
import type { Hierarchy } from '../policy/hierarchy.ts';

const HOUR = 3_600_000;

/** nextUpdate of a CRL made at `thisUpdate`, never after the authority's own end (RFC 5280 §5.1.2.5 Next Update). */
export function nextUpdateOf(hierarchy: Hierarchy, authority: Authority, thisUpdate: Date): Date {
  const planned = thisUpdate.getTime() + hierarchy.crl[authority.kind].validityHours * HOUR;
  return new Date(Math.min(planned, authority.certificate.notAfter.getTime()));
}

/** Whether the regular series of an authority is due for its next CRL: none yet, or the last one is as old as the period that policy sets. */
export function isCrlDue(
  hierarchy: Hierarchy,
  authority: Authority,
  lastScheduled: Date | undefined,
  now: Date,
): boolean {
  if (lastScheduled === undefined) return true;
  return now.getTime() - lastScheduled.getTime() >= hierarchy.crl[authority.kind].periodHours * HOUR;
}
