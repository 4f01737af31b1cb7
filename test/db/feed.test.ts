import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendFeed, FEED_START, type FeedCursor, listFeedReaders, readFeed, reportFeedPosition } from '#db/feed.ts';
import { violates } from '#db/query-error.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { CA, NOW, openTransaction, untilFinal } from './samples.ts';

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await freshDatabase();
});
afterEach(() => fresh.drop());

const serial = (last: number) => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, last);
const row = (last: number, revokedAt?: Date) => ({
  issuer: CA,
  serial: serial(last),
  ...(revokedAt ? { revokedAt } : {}),
});
const lasts = (rows: readonly { serial: Uint8Array }[]) => rows.map((one) => one.serial.at(-1));

test('the feed tells issuances and revocations in order, and ends where nothing is left', async () => {
  await appendFeed(fresh.db.read, row(1));
  await appendFeed(fresh.db.read, row(1, NOW));
  await untilFinal(fresh.db);
  const page = await readFeed(fresh.db.read, FEED_START, 10);
  expect(page).toMatchObject({ rows: [row(1), row(1, NOW)], complete: true });
  expect(await readFeed(fresh.db.read, page.cursor, 10)).toEqual({ rows: [], cursor: page.cursor, complete: true });
});

async function readAll(from: FeedCursor, limit: number) {
  const read = [];
  let cursor = from;
  for (let complete = false; !complete; ) {
    const page = await readFeed(fresh.db.read, cursor, limit);
    read.push(...lasts(page.rows));
    ({ cursor, complete } = page);
  }
  return { read, cursor };
}

test('pages have no gap and no repetition', async () => {
  for (const last of [1, 2, 3, 4, 5]) await appendFeed(fresh.db.read, row(last));
  await untilFinal(fresh.db);
  for (const limit of [1, 2, 5, 6]) expect((await readAll(FEED_START, limit)).read).toEqual([1, 2, 3, 4, 5]);
});

test('a row whose transaction commits late is read when it commits, though later rows were read before', async () => {
  const late = await openTransaction(fresh.db, (tx) => appendFeed(tx, row(1)));
  await appendFeed(fresh.db.read, row(2));
  const first = await readFeed(fresh.db.read, FEED_START, 10);
  expect(first).toMatchObject({ cursor: FEED_START, complete: true });
  expect(lasts(first.rows)).toEqual([2]);
  await late.commit();
  await untilFinal(fresh.db);
  const second = await readFeed(fresh.db.read, first.cursor, 10);
  expect(lasts(second.rows)).toEqual([1, 2]);
  expect(lasts((await readFeed(fresh.db.read, second.cursor, 10)).rows)).toEqual([]);
});

test('pages go on beyond a transaction that still runs, and the next reading begins before it', async () => {
  const late = await openTransaction(fresh.db, (tx) => appendFeed(tx, row(1)));
  for (const last of [2, 3, 4]) await appendFeed(fresh.db.read, row(last));
  const first = await readAll(FEED_START, 2);
  expect(first).toEqual({ read: [2, 3, 4], cursor: FEED_START });
  await late.commit();
  await untilFinal(fresh.db);
  const second = await readAll(first.cursor, 2);
  expect(second.read).toEqual([1, 2, 3, 4]);
  expect(await readAll(second.cursor, 2)).toEqual({ read: [], cursor: second.cursor });
});

test('a row that commits late between two pages of one reading is found by the next', async () => {
  const late = await openTransaction(fresh.db, (tx) => appendFeed(tx, row(1)));
  for (const last of [2, 3, 4]) await appendFeed(fresh.db.read, row(last));
  const page = await readFeed(fresh.db.read, FEED_START, 2);
  await late.commit();
  await untilFinal(fresh.db);
  const rest = await readAll(page.cursor, 2);
  expect(rest).toEqual({ read: [4], cursor: FEED_START });
  expect((await readAll(rest.cursor, 2)).read).toEqual([1, 2, 3, 4]);
});

test('the cursor survives a restart as two numbers', async () => {
  await appendFeed(fresh.db.read, row(1));
  await untilFinal(fresh.db);
  const { cursor } = await readFeed(fresh.db.read, FEED_START, 10);
  await reportFeedPosition(fresh.db.read, 'public-1', FEED_START);
  await reportFeedPosition(fresh.db.read, 'public-1', cursor);
  expect(await listFeedReaders(fresh.db.read)).toEqual([{ copy: 'public-1', cursor, seenAt: expect.any(Date) }]);
});

test('the feed is append-only', async () => {
  await appendFeed(fresh.db.read, row(1));
  for (const statement of [
    'update status_feed set revoked_at = now()',
    'delete from status_feed',
    'truncate status_feed',
  ]) {
    const error = await fresh.db.read.execute(statement).catch((thrown) => thrown);
    expect(violates(error, 'status_feed_append_only'), statement).toBe(true);
  }
});
