// What this copy of the public role knows of every serial: an index fed by the append-only status feed. It answers only
// while it is fresh, and never says "unknown" by itself: that needs the database.

import type { Database } from '#db/connect.ts';
import { FEED_START, type FeedCursor, readFeed, reportFeedPosition } from '#db/feed.ts';

/** A copy that has not read the feed for this long answers tryLater instead of an old "good". */
const STALE_AFTER_MS = 5_000;
const BATCH = 10_000;
/** Stands among the dates of revocation, in milliseconds, for a serial that has none. */
const NOT_REVOKED = -1;

export type SerialStatus = { readonly state: 'good' } | { readonly state: 'revoked'; readonly revokedAt: Date };

export type StatusIndex = {
  /** the status of a serial that the feed has named; undefined says only that the feed has not */
  find(issuer: string, serial: Uint8Array): SerialStatus | undefined;
  isFresh(now: number): boolean;
  /** milliseconds since the last complete reading began; Infinity before the first */
  lagMs(now: number): number;
  /** what this copy has read for good */
  position(): FeedCursor;
  /** reads what is new in the feed; throws Outage when the database is away */
  poll(): Promise<void>;
};

/** An empty index of one copy; `monotonic` gives milliseconds that never jump. */
export function createStatusIndex(
  db: Database,
  copy: string,
  monotonic: () => number = () => performance.now(),
): StatusIndex {
  const byIssuer = new Map<string, Map<string, number>>();
  let cursor = FEED_START;
  let readAt = Number.NEGATIVE_INFINITY;

  return {
    find(issuer, serial) {
      const revokedAt = byIssuer.get(issuer)?.get(Buffer.from(serial).toString('hex'));
      if (revokedAt === undefined) return undefined;
      return revokedAt === NOT_REVOKED ? { state: 'good' } : { state: 'revoked', revokedAt: new Date(revokedAt) };
    },
    isFresh: (now) => now - readAt <= STALE_AFTER_MS,
    lagMs: (now) => now - readAt,
    position: () => cursor,
    async poll() {
      const began = monotonic();
      for (;;) {
        const batch = await readFeed(db.read, cursor, BATCH);
        for (const row of batch.rows) {
          const serials = byIssuer.get(row.issuer) ?? new Map<string, number>();
          byIssuer.set(row.issuer, serials);
          const key = Buffer.from(row.serial).toString('hex');
          // A revocation is definitive: an issuance row that is read after it changes nothing.
          if (row.revokedAt !== undefined) serials.set(key, row.revokedAt.getTime());
          else if (!serials.has(key)) serials.set(key, NOT_REVOKED);
        }
        cursor = batch.cursor;
        if (batch.complete) break;
      }
      readAt = began;
      await reportFeedPosition(db.read, copy, cursor);
    },
  };
}
