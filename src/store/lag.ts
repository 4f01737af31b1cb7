// How far the certificate store is behind the feed, for metrics.

import { findFeedReader } from '#db/feed.ts';
import { feedRowsBeyond } from '#db/gauges.ts';
import type { Needs } from '../system.ts';
import { STORE_READER } from './fill.ts';

export type StoreLag = {
  /** rows of the feed that the store has not followed, counted up to 10,000 */
  readonly rows: number;
  /** when it last followed, by the database's clock; absent before the first time */
  readonly readAt?: Date;
};

/** Beyond this it does not matter how many more there are. */
const MOST_ROWS = 10_000;

/** What the database knows of it. */
export async function storeLag({ db }: Needs<'db'>): Promise<StoreLag> {
  const { cursor, seenAt } = await findFeedReader(db.read, STORE_READER);
  const rows = await feedRowsBeyond(db.read, cursor, MOST_ROWS);
  return { rows, ...(seenAt !== undefined && { readAt: seenAt }) };
}
