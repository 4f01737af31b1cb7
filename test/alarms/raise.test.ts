import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { ALARM_KINDS, clearAlarm, raiseAlarm } from '../../src/alarms/raise.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(() => fresh.db.read.execute(sql`delete from alarm`));

const NOON = new Date('2026-11-29T12:00:00Z');

function systemWithLines() {
  const lines: { level: number; msg: string; about: string }[] = [];
  const log = createLog(loadConfig({}), 'test', { write: (line: string) => lines.push(JSON.parse(line)) });
  return { lines, system: { db: fresh.db, log, clock: () => NOON } };
}

const LOST = { kind: 'worker_lost', subject: 'pool-1' } as const;

test('a new alarm is one error line, one that is open none, and its end one line', async () => {
  const { system, lines } = systemWithLines();
  await raiseAlarm(system, { ...LOST, detail: 'no heartbeat' });
  await raiseAlarm(system, { ...LOST, detail: 'no heartbeat' });
  await clearAlarm(system, LOST);
  await clearAlarm(system, LOST);
  expect(lines.map(({ level, msg, about }) => [level, msg, about])).toEqual([
    [50, 'an alarm was raised', 'pool-1'],
    [30, 'an alarm is over', 'pool-1'],
  ]);
});

test('words that are too long are cut, not refused, and the alarm of a long subject can be cleared', async () => {
  const { system } = systemWithLines();
  const long = { ...LOST, subject: 'x'.repeat(300) };
  await raiseAlarm(system, { ...long, detail: 'd'.repeat(2_000) });
  const [alarm] = await listAlarms(fresh.db.read);
  expect([alarm?.subject.length, alarm?.detail.length]).toEqual([256, 1_000]);
  await clearAlarm(system, long);
  expect(await listAlarms(fresh.db.read)).toEqual([]);
});

test('docs/operations.md says of every kind what it means', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  expect([...page.matchAll(/^\| `([a-z_]+)`/gm)].map(([, kind]) => kind)).toEqual([...ALARM_KINDS]);
});
