import { sql } from 'drizzle-orm';
import { Logger, run, runMigrations } from 'graphile-worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listJobs, retryJobs } from '#db/jobs.ts';
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
beforeEach(() => fresh.db.read.execute(sql`delete from graphile_worker._private_jobs`));

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
