import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  acknowledgeAlarm,
  countOpenAlarms,
  endAlarm,
  endAlarmById,
  findAlarm,
  listAlarms,
  listUndelivered,
  recordAlarm,
  recordDelivery,
} from '#db/alarms.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(() => fresh.db.read.execute(sql`delete from alarm`));

const NOON = new Date('2026-11-29T12:00:00Z');
const later = (minutes: number): Date => new Date(NOON.getTime() + minutes * 60_000);
const STALE = { kind: 'list_stale', subject: 'ACI-EL-ORG-TEST' };
const raise = (at = NOON, place = STALE, detail = 'too old') => recordAlarm(fresh.db.read, { ...place, detail, at });
const openId = async (): Promise<bigint> => (await listAlarms(fresh.db.read))[0]?.id ?? 0n;

test('raised again, an open alarm is renewed: one row, the newest words, how often', async () => {
  expect(await raise()).toBe(true);
  expect(await raise(later(5), STALE, 'older still')).toBe(false);
  expect(await listAlarms(fresh.db.read)).toMatchObject([
    { ...STALE, detail: 'older still', times: 2, raisedAt: NOON, lastSeenAt: later(5) },
  ]);
});

test('of twenty who raise it at once one opens it', async () => {
  const opened = await Promise.all(Array.from({ length: 20 }, () => raise()));
  expect(opened.filter(Boolean)).toHaveLength(1);
  expect(await listAlarms(fresh.db.read)).toMatchObject([{ times: 20 }]);
});

test('a clock that is behind neither refuses the renewal nor the end', async () => {
  await raise();
  expect(await raise(later(-5))).toBe(false);
  expect(await endAlarm(fresh.db.read, STALE, later(-5))).toBe(true);
  expect(await listAlarms(fresh.db.read, { ended: true })).toMatchObject([{ lastSeenAt: NOON, clearedAt: NOON }]);
});

test('what comes back after its end is a new alarm', async () => {
  await raise();
  expect(await endAlarm(fresh.db.read, STALE, later(1))).toBe(true);
  expect(await endAlarm(fresh.db.read, STALE, later(2))).toBe(false);
  expect(await raise(later(3))).toBe(true);
  expect((await listAlarms(fresh.db.read, { ended: true })).map(({ raisedAt }) => raisedAt)).toEqual([later(3), NOON]);
  expect(await listAlarms(fresh.db.read)).toHaveLength(1);
});

test('one subject, or one kind, does not end another', async () => {
  await raise();
  await raise(NOON, { ...STALE, subject: 'ACI-FO-PP-TEST' });
  await raise(NOON, { ...STALE, kind: 'ocsp_wrong' });
  await endAlarm(fresh.db.read, STALE, NOON);
  expect([...(await countOpenAlarms(fresh.db.read))].sort()).toEqual([
    ['list_stale', 1],
    ['ocsp_wrong', 1],
  ]);
  expect(await listAlarms(fresh.db.read, { kind: 'ocsp_wrong' })).toHaveLength(1);
});

test('who knows of it is noted once, and it stays open', async () => {
  await raise();
  const id = await openId();
  expect(await acknowledgeAlarm(fresh.db.read, id, { at: NOON, by: 'operator:a' })).toMatchObject({ id });
  expect(await acknowledgeAlarm(fresh.db.read, id, { at: NOON, by: 'operator:b' })).toBeUndefined();
  await raise(later(1));
  expect(await findAlarm(fresh.db.read, id)).toMatchObject({ acknowledgedBy: 'operator:a', times: 2 });
  expect(await endAlarmById(fresh.db.read, id, later(2))).toMatchObject({ clearedAt: later(2) });
  expect(await endAlarmById(fresh.db.read, id, later(2))).toBeUndefined();
});

const undelivered = async (channel: string, since = NOON) =>
  (await listUndelivered(fresh.db.read, channel, { since, limit: 10 })).map(({ event, subject }) => [event, subject]);
const deliver = (alarmId: bigint, channel: string, event: 'raised' | 'cleared') =>
  recordDelivery(fresh.db.read, { alarmId, channel, event, deliveredAt: NOON });

test('each channel is given the raising and then the end, each until it has told it', async () => {
  await raise();
  const id = await openId();
  await endAlarm(fresh.db.read, STALE, NOON);
  expect(await undelivered('webhook')).toEqual([
    ['raised', STALE.subject],
    ['cleared', STALE.subject],
  ]);
  expect(await deliver(id, 'webhook', 'raised')).toBe(true);
  expect(await deliver(id, 'webhook', 'raised')).toBe(false);
  expect(await undelivered('webhook')).toEqual([['cleared', STALE.subject]]);
  await deliver(id, 'webhook', 'cleared');
  expect(await undelivered('webhook')).toEqual([]);
  expect(await undelivered('mail')).toHaveLength(2);
});

test('what is over since long ago is not told any more, what is open is, however old', async () => {
  await raise();
  await endAlarm(fresh.db.read, STALE, later(1));
  await raise(NOON, { ...STALE, subject: 'ACI-FO-PP-TEST' });
  expect(await undelivered('webhook', later(2))).toEqual([['raised', 'ACI-FO-PP-TEST']]);
});
