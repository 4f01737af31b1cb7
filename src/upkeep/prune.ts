// Deletes what retention.ts no longer keeps.

import { pruneRows } from '#db/upkeep.ts';
import type { Needs } from '../system.ts';
import { RETENTION } from './retention.ts';

const DAY = 86_400_000;
const BATCH = 1_000;

/** Deletes rows whose time is over, a batch a transaction; answers how many. If we stop between two, the next run goes on. */
export async function pruneEndedRows({ db, clock }: Needs<'db' | 'clock'>): Promise<number> {
  const now = clock().getTime();
  let deleted = 0;
  for (const { rows, days } of RETENTION) {
    const before = new Date(now - days * DAY);
    let batch: number;
    do {
      batch = await pruneRows(db.read, rows, { before, limit: BATCH });
      deleted += batch;
    } while (batch === BATCH);
  }
  return deleted;
}
