// The sealer: one leased copy appends committed audit rows to the hash chain, in batches, about twice a second.

import { sealAudit } from '#db/audit-chain.ts';
import { acquireLease } from '#db/leases.ts';
import type { Needs } from '../system.ts';

const LEASE = 'audit_sealer';
const LEASE_MS = 10_000;
const BATCH = 5_000;

/** Seals what is committed; answers how many rows, or undefined while another copy holds the lease. */
export async function sealAuditRows(system: Needs<'db'>, holder: string): Promise<number | undefined> {
  const epoch = await acquireLease(system.db.read, LEASE, holder, LEASE_MS);
  if (epoch === undefined) return undefined;
  let sealed = 0;
  for (;;) {
    // One transaction a batch: if we stop between two, the next sealer goes on where the chain ends.
    const batch = await system.db.transaction((tx) => sealAudit(tx, { leaseName: LEASE, epoch, limit: BATCH }));
    // The lease was lost meanwhile: whoever has it now goes on.
    if (batch === undefined) return undefined;
    sealed += batch;
    if (batch < BATCH) return sealed;
  }
}
