// The schedule: every line has its task, and a run that was missed while no worker ran is made up for.

import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cronItems, SCHEDULE } from '../../src/worker/schedule.ts';
import { createTasks } from '../../src/worker/tasks.ts';
import { connectTo, eventually } from '../helpers/faults.ts';
import { prepareService, type Service } from '../helpers/service.ts';

let service: Service;
let watch: Client;
beforeAll(async () => {
  service = await prepareService();
  watch = await connectTo(service.database.url);
});
afterAll(async () => {
  await watch?.end();
  await service?.stop();
});

it('every line names a task, once', async () => {
  const names = SCHEDULE.map(({ task }) => task);
  expect(new Set(names).size).toBe(names.length);
  const tasks = createTasks(await service.open('worker'), undefined);
  expect(names.filter((name) => !(name in tasks))).toEqual([]);
  expect(cronItems().map(({ identifier }) => identifier)).toEqual(names);
});

it('the time of day is looked for in UTC, and each line is met within a day', () => {
  for (const { task, match } of cronItems()) {
    const times = Array.from({ length: 24 * 60 }, (_, at) => ({
      min: at % 60,
      hour: Math.floor(at / 60),
      date: 29,
      month: 2,
      dow: 2,
    }));
    expect(times.some(match), task).toBe(true);
  }
});

it('a worker that starts makes up for the runs that nobody made, with one job', async () => {
  const known = async (): Promise<number> =>
    (await watch.query(`select from graphile_worker._private_known_crontabs`)).rows.length;
  const first = service.start('worker');
  await eventually('the schedule is known', async () => (await known().catch(() => 0)) === SCHEDULE.length);
  expect(await first.stop()).toBe(0);
  await watch.query(`insert into idempotency (actor, route, key, body_digest, state, refusal, created_at)
    values ('a', 'r', 'old', decode(repeat('42', 32), 'hex'), 'done', '{}', now() - interval '91 days')`);
  await watch.query(`update graphile_worker._private_known_crontabs
    set known_since = now() - interval '9 days', last_execution = now() - interval '45 hours'`);
  const second = service.start('worker');
  await eventually(
    'the rows of the day are pruned',
    async () => (await watch.query('select from idempotency')).rows.length === 0,
  );
  expect(await second.stop()).toBe(0);
}, 60_000);
