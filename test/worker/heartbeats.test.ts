// Who is dead is said by who was awake itself: a worker that comes back from an outage with the others first lets them speak.

import { sql } from 'drizzle-orm';
import { runMigrations } from 'graphile-worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { beatHeart } from '#db/workers.ts';
import type { System } from '../../src/system.ts';
import { createHeartbeat } from '../../src/worker/heartbeats.ts';
import { prepareService, type Service } from '../helpers/service.ts';

let service: Service;
let system: System;
beforeAll(async () => {
  service = await prepareService();
  system = await service.open('worker');
  await runMigrations({ connectionString: service.database.url });
});
afterAll(() => service?.stop());

let now: number;
beforeEach(async () => {
  now = 0;
  await system.db.read.execute(sql`delete from alarm`);
  await system.db.read.execute(sql`delete from worker_heartbeat`);
  await beatHeart(system.db.read, 'other');
  await system.db.read.execute(sql`update worker_heartbeat set seen_at = now() - interval '31 seconds'`);
});

const known = async (): Promise<unknown[]> =>
  (await system.db.read.execute(sql`select worker from worker_heartbeat order by worker`)).rows.map(
    ({ worker }) => worker,
  );
const raised = async (): Promise<string[]> => (await listAlarms(system.db.read)).map(({ kind }) => kind);

test('a worker that starts lets the others beat, and then buries whom nobody has heard of', async () => {
  const heartbeat = createHeartbeat(system, () => now);
  for (now = 0; now < 15_000; now += 5_000) await heartbeat.beat('own');
  expect(await known()).toEqual(['other', 'own']);
  expect(await raised()).toEqual([]);
  await heartbeat.beat('own');
  expect(await known()).toEqual(['own']);
  expect(await raised()).toEqual(['worker_lost']);
});

test('one that was late itself gives the others half a minute, and buries who is silent then', async () => {
  await system.db.read.execute(sql`update worker_heartbeat set seen_at = now()`);
  const heartbeat = createHeartbeat(system, () => now);
  await heartbeat.beat('own');
  await system.db.read.execute(
    sql`update worker_heartbeat set seen_at = now() - interval '31 seconds' where worker = 'other'`,
  );
  for (now = 20_000; now < 50_000; now += 5_000) await heartbeat.beat('own');
  expect(await known()).toEqual(['other', 'own']);
  expect(await raised()).toEqual([]);
  await heartbeat.beat('own');
  expect(await known()).toEqual(['own']);
  expect(await raised()).toEqual(['worker_lost']);
});

test('one that ended as it should is forgotten and is no loss', async () => {
  const heartbeat = createHeartbeat(system, () => now);
  await heartbeat.end('other');
  await heartbeat.beat('own');
  expect(await raised()).toEqual([]);
});
