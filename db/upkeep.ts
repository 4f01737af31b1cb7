// Rows that serve nobody any more, and how each kind is found and deleted, in batches that hold no lock for long.

import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';

/** What may be deleted, and the table and condition of each. Times are the database's. */
const PRUNABLE = {
  /** answered with a certificate that has ended */
  answered_idempotency: (before: SQL) => ({
    table: sql`idempotency`,
    ended: sql`state = 'done' and certificate_id is not null
      and exists (select from certificate where certificate.id = certificate_id and certificate.not_after < ${before})`,
  }),
  refused_idempotency: (before: SQL) => ({
    table: sql`idempotency`,
    ended: sql`state = 'done' and refusal is not null and created_at < ${before}`,
  }),
  /** whoever asked was never answered and never came back */
  forsaken_idempotency: (before: SQL) => ({
    table: sql`idempotency`,
    ended: sql`state = 'running' and lease_until < ${before}`,
  }),
  silent_feed_readers: (before: SQL) => ({ table: sql`feed_reader`, ended: sql`seen_at < ${before}` }),
  ended_alarms: (before: SQL) => ({ table: sql`alarm`, ended: sql`cleared_at < ${before}` }),
} as const satisfies Record<string, (before: SQL) => { readonly table: SQL; readonly ended: SQL }>;

export type Prunable = keyof typeof PRUNABLE;

/** Deletes at most `limit` rows of a kind that ended before `before`; answers how many. Two may run at once. */
export async function pruneRows(
  tx: Tx,
  rows: Prunable,
  { before, limit }: { readonly before: Date; readonly limit: number },
): Promise<number> {
  const { table, ended } = PRUNABLE[rows](sql`${before.toISOString()}::timestamptz`);
  const { rowCount } = await tx.execute(sql`
    delete from ${table} where ctid = any(array(
      select ctid from ${table} where ${ended} limit ${limit} for update skip locked
    ))`);
  return rowCount ?? 0;
}
