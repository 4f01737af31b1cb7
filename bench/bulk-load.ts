// How a table is filled with more rows than it will ever get in a day: without its indices, which are made afterwards, the same and in
// a tenth of the time.

import { sql } from 'drizzle-orm';
import { type Database, openDatabase, type Tx } from '#db/connect.ts';
import { remark } from './figures.ts';

const HOURS_MS = 4 * 3_600_000;

/** A connection for statements that take hours, with the memory that an index of millions of rows wants. */
export function openForLoad(url: string): Database {
  return openDatabase(url, {
    applicationName: 'igc bench',
    ...{ max: 4, statementTimeoutMs: HOURS_MS, lockTimeoutMs: HOURS_MS },
  });
}

/** Runs `fill` while certificates have only the indices of their constraints, then makes the others as they were. */
export async function withoutIndices(tx: Tx, fill: () => Promise<void>): Promise<void> {
  const { rows } = await tx.execute<{ name: string; definition: string }>(sql`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid = 'certificate'::regclass and not exists (select from pg_constraint where conindid = indexrelid)`);
  for (const { name } of rows) await tx.execute(sql.raw(`drop index ${name}`));
  await fill();
  for (const { name, definition } of rows)
    await timed(name, () => tx.execute(sql.raw(`set maintenance_work_mem = '1GB'; ${definition}`)));
}

/** Says on stderr how long something took. */
export async function timed(what: string, act: () => Promise<unknown>): Promise<void> {
  const since = performance.now();
  await act();
  remark(`${what}: ${((performance.now() - since) / 1_000).toFixed(0)} s`);
}
