// Rows that serve nobody any more, and how each kind is found and deleted, in statements that hold no lock for long.

import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';

/** What may be deleted, and the table and condition of each. Times are the database's. */
const PRUNABLE = {
  /** answered with a certificate that has ended */
  answered_idempotency: (before: SQL) => ({
    table: 'idempotency',
    ended: sql`state = 'done' and certificate_id is not null
      and exists (select from certificate where certificate.id = certificate_id and certificate.not_after < ${before})`,
  }),
  refused_idempotency: (before: SQL) => ({
    table: 'idempotency',
    ended: sql`state = 'done' and refusal is not null and created_at < ${before}`,
  }),
  /** whoever asked was never answered and never came back */
  forsaken_idempotency: (before: SQL) => ({
    table: 'idempotency',
    ended: sql`state = 'running' and lease_until < ${before}`,
  }),
  silent_feed_readers: (before: SQL) => ({ table: 'feed_reader', ended: sql`seen_at < ${before}` }),
  settled_webhook_deliveries: (before: SQL) => ({ table: 'webhook_delivery', ended: sql`settled_at < ${before}` }),
  read_delivery_reports: (before: SQL) => ({ table: 'delivery_report', ended: sql`read_at < ${before}` }),
  ended_alarms: (before: SQL) => ({ table: 'alarm', ended: sql`cleared_at < ${before}` }),
} as const satisfies Record<string, (before: SQL) => { readonly table: string; readonly ended: SQL }>;

export type Prunable = keyof typeof PRUNABLE;

/** Pages of the table that rows of a kind are in. */
export async function pagesOf(tx: Tx, rows: Prunable): Promise<number> {
  const { rows: found } = await tx.execute<{ pages: number }>(sql`
    select (pg_relation_size(${PRUNABLE[rows](sql`now()`).table}::regclass) / current_setting('block_size')::int)::int as pages`);
  return found[0]?.pages ?? 0;
}

/**
 * Deletes the rows of a kind that ended before `before` and lie in `pages` pages from page `from` on; answers how many. No index knows
 * their ends, which would cost every issuance something: the table is read page by page instead, so each statement is short.
 */
export async function pruneRows(
  tx: Tx,
  rows: Prunable,
  { before, from, pages }: { readonly before: Date; readonly from: number; readonly pages: number },
): Promise<number> {
  const { table, ended } = PRUNABLE[rows](sql`${before.toISOString()}::timestamptz`);
  const { rowCount } = await tx.execute(sql`
    delete from ${sql.identifier(table)}
    where ctid >= ${`(${from},0)`}::tid and ctid < ${`(${from + pages},0)`}::tid and ${ended}`);
  return rowCount ?? 0;
}
