// The status feed: what was issued and what was revoked, in the order in which every copy of the public role can read it without
// ever missing a transaction that commits late.

import { eq, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { present } from './rows.ts';
import { feedReader, statusFeed } from './schema/revocations.ts';

type Place = { readonly xid: bigint; readonly position: bigint };

/**
 * How far a reader has read; nothing can appear before it any more. `ahead` is there between two pages of one reading that went
 * past rows that can still appear; a reader that begins again without it misses nothing.
 */
export type FeedCursor = Place & { readonly ahead?: Place };

/** Before the first row. */
export const FEED_START: FeedCursor = { xid: 0n, position: 0n };

/** A serial was issued (no `revokedAt`) or revoked; once more with the same `revokedAt` when the reason of that was raised. */
export type FeedRow = { readonly issuer: string; readonly serial: Uint8Array; readonly revokedAt?: Date };

/** A row as it was written, with the transaction that wrote it. */
export type WrittenFeedRow = FeedRow & Pick<Place, 'xid'>;

export type FeedPage = {
  readonly rows: readonly WrittenFeedRow[];
  readonly cursor: FeedCursor;
  /** nothing that was committed when the page was read lies beyond it */
  readonly complete: boolean;
};

export type FeedReader = { readonly copy: string; readonly cursor: FeedCursor; readonly seenAt: Date };

/** Tells every copy that a serial was revoked, or was issued; the second `recordIssued` does in the statement of the result. */
export async function appendFeed(tx: Tx, row: FeedRow): Promise<void> {
  await tx.insert(statusFeed).values(row);
}

/**
 * Reads at most `limit` rows after the cursor, in the order (xid, position); a reader goes on from the new cursor until a
 * page is complete. The cursor stops before the oldest transaction that still runs, so what commits late is read later; rows
 * beyond that point are given at once, and again by later readings. So a reader applies rows as often as they come, and lets
 * "revoked" win whatever the order.
 */
export async function readFeed(tx: Tx, cursor: FeedCursor, limit: number): Promise<FeedPage> {
  const { xid, position, issuer, serial, revokedAt } = statusFeed;
  const from = cursor.ahead ?? cursor;
  const rows = await tx
    .select({
      xid,
      position,
      issuer,
      serial,
      revokedAt,
      final: sql<boolean>`xid < pg_snapshot_xmin(pg_current_snapshot())`,
    })
    .from(statusFeed)
    .where(sql`(xid, position) > (${from.xid}::xid8, ${from.position}::bigint)`)
    .orderBy(xid, position)
    .limit(limit);
  const complete = rows.length < limit;
  return {
    rows: rows.map(({ final: _, position: __, ...row }) => present(row)),
    cursor: advance(cursor, rows, complete),
    complete,
  };
}

function advance(cursor: FeedCursor, rows: readonly (Place & { final: boolean })[], complete: boolean): FeedCursor {
  // Once a reading is ahead, rows before it may have appeared meanwhile, so nothing it finds is final for the cursor.
  const end = cursor.ahead ? cursor : (rows.findLast(({ final }) => final) ?? cursor);
  const last = rows.at(-1);
  const ahead = complete || !last || last.position === end.position ? undefined : last;
  return { ...placeOf(end), ...(ahead && { ahead: placeOf(ahead) }) };
}

function placeOf({ xid, position }: Place): Place {
  return { xid, position };
}

/** Publishes how far a copy has read, by the database's clock. */
export async function reportFeedPosition(tx: Tx, copy: string, cursor: FeedCursor): Promise<void> {
  const seen = { xid: cursor.xid, position: cursor.position, seenAt: sql`clock_timestamp()` };
  await tx
    .insert(feedReader)
    .values({ copy, ...seen })
    .onConflictDoUpdate({ target: feedReader.copy, set: seen });
}

/** Where a copy that has reported before goes on; the start for one that has not. */
export async function feedPositionOf(tx: Tx, copy: string): Promise<FeedCursor> {
  return (await findFeedReader(tx, copy)).cursor;
}

/** How far a copy has read, and when it last said so; one that never did is at the start. */
export async function findFeedReader(
  tx: Tx,
  copy: string,
): Promise<{ readonly cursor: FeedCursor; readonly seenAt?: Date }> {
  const [row] = await tx.select().from(feedReader).where(eq(feedReader.copy, copy));
  if (row === undefined) return { cursor: FEED_START };
  return { cursor: { xid: row.xid, position: row.position }, seenAt: row.seenAt };
}

/** Every copy that has ever reported, by name. */
export async function listFeedReaders(tx: Tx): Promise<FeedReader[]> {
  const rows = await tx.select().from(feedReader).orderBy(feedReader.copy);
  return rows.map(({ copy, xid, position, seenAt }) => ({ copy, cursor: { xid, position }, seenAt }));
}
