// Deletes what retention.ts no longer keeps.

import { pagesOf, pruneRows } from '#db/upkeep.ts';
import type { Needs } from '../system.ts';
import { RETENTION } from './retention.ts';

const DAY = 86_400_000;
/** About fifteen thousand rows: a statement of well under a second. */
const PAGES = 256;

/** Deletes rows whose time is over, some pages a transaction; answers how many. If we stop between two, the next run begins again. */
export async function pruneEndedRows({ db, clock }: Needs<'db' | 'clock'>): Promise<number> {
  const now = clock().getTime();
  let deleted = 0;
  for (const { rows, days } of RETENTION) {
    const before = new Date(now - days * DAY);
    const end = await pagesOf(db.read, rows);
    for (let from = 0; from < end; from += PAGES) {
      deleted += await pruneRows(db.read, rows, { before, from, pages: PAGES });
    }
  }
  return deleted;
}
