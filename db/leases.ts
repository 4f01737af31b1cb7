// Leases say who may publish or seal, for a while. Time is the database's; whoever writes compares the epoch in the same
// statement, so a holder that slept past its lease changes nothing.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';

/** A lease as its holder knows it. */
export type HeldLease = { readonly leaseName: string; readonly epoch: bigint };

/**
 * Takes the lease if it is free, expired or already `holder`'s; answers its epoch, or undefined while another holds it.
 * The epoch rises whenever the lease was not continuously this holder's, so `holder` must differ between processes.
 */
export async function acquireLease(tx: Tx, name: string, holder: string, ttlMs: number): Promise<bigint | undefined> {
  const { rows } = await tx.execute<{ epoch: string }>(sql`
    insert into lease (name, holder, epoch, expires_at) values (${name}, ${holder}, 1, ${afterMs(ttlMs)})
    on conflict (name) do update set
      holder = excluded.holder,
      epoch = case when ${held(holder)} then lease.epoch else lease.epoch + 1 end,
      expires_at = ${afterMs(ttlMs)}
    where lease.expires_at <= clock_timestamp() or lease.holder = excluded.holder
    returning epoch`);
  return rows[0] && BigInt(rows[0].epoch);
}

/** Prolongs the lease; false when it has expired or passed to another, and the holder must stop. */
export async function renewLease(tx: Tx, { leaseName, epoch }: HeldLease, ttlMs: number): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    update lease set expires_at = ${afterMs(ttlMs)}
    where name = ${leaseName} and epoch = ${epoch} and expires_at > clock_timestamp()`);
  return rowCount === 1;
}

/** Gives the lease back; false when it was no longer held. The row stays, because the epoch may never start again. */
export async function releaseLease(tx: Tx, { leaseName, epoch }: HeldLease): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    update lease set expires_at = clock_timestamp()
    where name = ${leaseName} and epoch = ${epoch} and expires_at > clock_timestamp()`);
  return rowCount === 1;
}

/**
 * The row of a lease that is still held, locked until commit: nobody takes the lease over between the comparison and the
 * write. For use in a statement's `with`.
 */
export function fencedBy({ leaseName, epoch }: HeldLease) {
  return sql`select epoch from lease where name = ${leaseName} and epoch = ${epoch} for share`;
}

function held(holder: string) {
  return sql`lease.holder = ${holder} and lease.expires_at > clock_timestamp()`;
}

function afterMs(ttlMs: number) {
  return sql`clock_timestamp() + ${ttlMs} * interval '1 millisecond'`;
}
