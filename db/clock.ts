// The database's clock, for comparing ours with it.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';

/** What the database takes for now, not the beginning of its transaction. */
export async function databaseTime(tx: Tx): Promise<Date> {
  const { rows } = await tx.execute<{ now: Date }>(sql`select clock_timestamp() as now`);
  const now = rows[0]?.now;
  if (now === undefined) throw new TypeError('the database always has a time');
  return new Date(now);
}
