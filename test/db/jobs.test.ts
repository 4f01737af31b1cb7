import { sql } from 'drizzle-orm';
import { Logger, run, runMigrations } from 'graphile-worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { jobsStillThere, listJobs, retryJobs } from '#db/jobs.ts';
import { beatHeart, buryWorkers, endHeartbeat, findDeadWorkers, hasSuccessor } from '#db/workers.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { until } from '../helpers/service.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  expect(await listJobs(fresh.db.read)).toEqual([]);
  expect(await retryJobs(fresh.db.read, ['1'])).toEqual([]);
  await runMigrations({ connectionString: fresh.url });
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  await fresh.db.read.execute(sql`delete from graphile_worker._private_jobs`);
  await fresh.db.read.execute(sql`delete from worker_heartbeat`);
});

async function add(key: string, more = sql``): Promise<string> {
  const { rows } = await fresh.db.read.execute<{ id: string }>(
    sql`select id::text as id from graphile_worker.add_job('publish_crl', '{"secret": 1}', job_key => ${key} ${more})`,
  );
  return rows[0]?.id ?? '';
}
const lock = (id: string, worker: string, age: string) =>
  fresh.db.read.execute(
    sql`update graphile_worker._private_jobs set locked_at = now() - ${age}::interval, locked_by = ${worker}, attempts = 1
      where id = ${id}`,
  );
const states = async () => Object.fromEntries((await listJobs(fresh.db.read)).map(({ key, state }) => [key, state]));

/** A real worker takes the job `failed`, which fails; it is stopped once that is written down. */
async function fail(): Promise<void> {
  const runner = await run({
    connectionString: fresh.url,
    noHandleSignals: true,
    parsedCronItems: [],
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    logger: new Logger(() => () => undefined),
    taskList: {
      publish_crl: () => {
        throw new Error('no token');
      },
    },
  });
  try {
    await until(async () => (await states()).failed === 'failed');
  } finally {
    await runner.stop();
  }
}

test('each job is in one state, and those that need a person come first', async () => {
  await add('waiting', sql`, run_at => now() + interval '1 hour'`);
  await lock(await add('running'), 'alive', '1 minute');
  await lock(await add('stuck'), 'dead', '20 minutes');
  await add('failed', sql`, max_attempts => 1`);
  await fail();
  await add('due');
  expect((await listJobs(fresh.db.read)).map(({ key, state, attempts }) => [key, state, attempts])).toEqual([
    ['failed', 'failed', 1],
    ['stuck', 'stuck', 1],
    ['running', 'running', 1],
    ['due', 'due', 0],
    ['waiting', 'waiting', 0],
  ]);
  const some = await listJobs(fresh.db.read, { states: ['stuck', 'waiting'], limit: 1 });
  expect(some.map(({ key }) => key)).toEqual(['stuck']);
  expect((await listJobs(fresh.db.read))[0]).toMatchObject({
    task: 'publish_crl',
    maxAttempts: 1,
    lastError: 'no token',
  });
});

test('a failed job that is retried has all its attempts again, and a worker takes it', async () => {
  const id = await add('failed', sql`, max_attempts => 1`);
  await fail();
  expect(await states()).toEqual({ failed: 'failed' });
  expect(await retryJobs(fresh.db.read, [id])).toEqual([id]);
  expect(await states()).toEqual({ failed: 'due' });
  await fail();
  expect(await states()).toEqual({ failed: 'failed' });
});

test('a stuck job is taken from its worker; one that runs, and one that is done, are left alone', async () => {
  const [stuck, running] = [await add('stuck'), await add('running')];
  await lock(stuck, 'dead', '20 minutes');
  await lock(running, 'alive', '1 minute');
  expect(await retryJobs(fresh.db.read, [stuck, running, '999999'])).toEqual([stuck]);
  expect(await states()).toEqual({ stuck: 'due', running: 'running' });
});

test('a long job of a worker that lives is running, and a short one of a dead worker is stuck', async () => {
  await lock(await add('long'), 'alive', '20 minutes');
  await lock(await add('short'), 'silent', '1 minute');
  await beatHeart(fresh.db.read, 'alive');
  await beatHeart(fresh.db.read, 'silent');
  await silence('silent');
  expect(await states()).toEqual({ long: 'running', short: 'stuck' });
});

test('names of jobs that are not done yet are found, with a key or without', async () => {
  const id = await add('waiting', sql`, run_at => now() + interval '1 hour'`);
  expect(await jobsStillThere(fresh.db.read, ['publish_crl waiting', `publish_crl ${id}`])).toEqual(
    new Set(['publish_crl waiting']),
  );
});

const silence = (worker: string) =>
  fresh.db.read.execute(
    sql`update worker_heartbeat set seen_at = now() - interval '31 seconds' where worker = ${worker}`,
  );

test('the dead are those that fell silent, and those unknown that keep a job for too long; only they are buried', async () => {
  await lock(await add('kept'), 'alive', '20 minutes');
  await lock(await add('lost'), 'silent', '1 minute');
  await lock(await add('old'), 'unknown', '20 minutes');
  await lock(await add('new'), 'unknown-too', '1 minute');
  await beatHeart(fresh.db.read, 'alive');
  await beatHeart(fresh.db.read, 'silent');
  await silence('silent');
  expect(await findDeadWorkers(fresh.db.read)).toEqual(['silent', 'unknown']);
  expect(await buryWorkers(fresh.db.read, ['silent', 'unknown', 'alive'])).toBe(2);
  expect(await states()).toEqual({ kept: 'running', lost: 'due', old: 'due', new: 'running' });
  expect(await findDeadWorkers(fresh.db.read)).toEqual([]);
});

test('who is heard of between the look and the burial keeps its jobs', async () => {
  await lock(await add('kept'), 'slow', '1 minute');
  await beatHeart(fresh.db.read, 'slow');
  await silence('slow');
  expect(await findDeadWorkers(fresh.db.read)).toContain('slow');
  await beatHeart(fresh.db.read, 'slow');
  expect(await buryWorkers(fresh.db.read, ['slow'])).toBe(0);
  expect(await states()).toEqual({ kept: 'running' });
});

test('a successor started after the loss and has lived for a while', async () => {
  const now = new Date();
  await beatHeart(fresh.db.read, 'successor');
  expect(await hasSuccessor(fresh.db.read, new Date(now.getTime() - 60_000), 0)).toBe(true);
  expect(await hasSuccessor(fresh.db.read, new Date(now.getTime() - 60_000), 300_000)).toBe(false);
  expect(await hasSuccessor(fresh.db.read, new Date(now.getTime() + 60_000), 0)).toBe(false);
  await endHeartbeat(fresh.db.read, 'successor');
  expect(await hasSuccessor(fresh.db.read, new Date(now.getTime() - 60_000), 0)).toBe(false);
});
