// Whose turn it is to write: a lease in the database, because two writers could undo one another. What was noted is fenced by its epoch;
// what goes to LDAP cannot be, so each write asks first whether the turn is still ours.

import { acquireLease, type HeldLease, releaseLease, renewLease } from '#db/leases.ts';
import { Outage } from '../errors.ts';
import type { Needs } from '../system.ts';

export type Turn = {
  readonly lease: HeldLease;
  /**
   * To be asked before each write: begins the turn anew when half of it or more is over, so that slow writes have as long as they need.
   * Throws Outage when it cannot be, because the lease ran out or another process has it, as after a pause of this one
   */
  check(): Promise<void>;
  /** begins it anew; throws Outage when another process has it */
  prolong(): Promise<void>;
};

const LEASE_MS = 60_000;
/** What is written within this time is on its way while nobody else can hold the lease. */
const WRITE_MS = LEASE_MS / 2;

/**
 * Does `work` while this process has the turn `leaseName`; undefined when another has it. `holder` names the process. If we stop in
 * the middle the lease runs out after a minute, and whoever comes next does the last step again.
 */
export async function inTurn<T>(
  { db }: Needs<'db'>,
  { leaseName, holder }: { readonly leaseName: string; readonly holder: string },
  work: (turn: Turn) => Promise<T>,
): Promise<T | undefined> {
  let until = performance.now() + WRITE_MS;
  const epoch = await acquireLease(db.read, leaseName, holder, LEASE_MS);
  if (epoch === undefined) return undefined;
  const lease = { leaseName, epoch };
  const prolong = async (): Promise<void> => {
    const from = performance.now();
    if (!(await renewLease(db.read, lease, LEASE_MS)))
      throw new Outage('database', 'another worker has taken over the directory');
    until = from + WRITE_MS;
  };
  let prolonging: Promise<void> | undefined;
  const check = async (): Promise<void> => {
    if (until - performance.now() > WRITE_MS / 2) return;
    // writers ask at the same time, and one answer is enough
    prolonging ??= prolong().finally(() => {
      prolonging = undefined;
    });
    await prolonging;
  };
  try {
    return await work({ lease, check, prolong });
  } finally {
    await releaseLease(db.read, lease);
  }
}
