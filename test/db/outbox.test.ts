import { sql } from 'drizzle-orm';
import { runMigrations } from 'graphile-worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { enqueue, type NewJob, outboxBacklog, relayOutbox } from '#db/outbox.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { openTransaction, untilFinal } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await runMigrations({ connectionString: fresh.url });
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  await fresh.db.read.execute(sql`delete from outbox`);
  await fresh.db.read.execute(sql`delete from graphile_worker._private_jobs`);
});

const job = (key: string, n = 1): NewJob => ({ task: 'publish_crl', payload: { n }, jobKey: key });
const relay = (limit = 100) => fresh.db.transaction((tx) => relayOutbox(tx, limit));

async function jobs() {
  const { rows } = await fresh.db.read.execute(sql`
    select key, task_identifier as task, payload from graphile_worker._private_jobs jobs
    join (select id as task, identifier as task_identifier from graphile_worker._private_tasks) tasks on tasks.task = jobs.task_id
    order by key`);
  return rows;
}

test('a job exists if and only if the act that wants it commits', async () => {
  await fresh.db
    .transaction(async (tx) => {
      await enqueue(tx, job('undone'));
      throw new Error('no');
    })
    .catch(() => {});
  await fresh.db.transaction((tx) => enqueue(tx, job('done')));
  await untilFinal(fresh.db);
  expect(await relay()).toBe(1);
  expect(await jobs()).toEqual([{ key: 'done', task: 'publish_crl', payload: { n: 1 } }]);
  expect(await relay()).toBe(0);
});

test('of several jobs with one key the newest is kept, within a batch and over a waiting job', async () => {
  for (const n of [1, 2, 3]) await enqueue(fresh.db.read, job('crl', n));
  await enqueue(fresh.db.read, job('other'));
  await untilFinal(fresh.db);
  expect(await relay()).toBe(4);
  expect(await jobs()).toMatchObject([{ key: 'crl', payload: { n: 3 } }, { key: 'other' }]);
  await enqueue(fresh.db.read, job('crl', 4));
  await untilFinal(fresh.db);
  expect(await relay()).toBe(1);
  expect(await jobs()).toMatchObject([{ key: 'crl', payload: { n: 4 } }, { key: 'other' }]);
});

test('a job whose act commits late is relayed when it commits', async () => {
  const late = await openTransaction(fresh.db, (tx) => enqueue(tx, job('late')));
  await enqueue(fresh.db.read, job('meanwhile'));
  expect(await relay()).toBe(0);
  await late.commit();
  await untilFinal(fresh.db);
  expect(await relay()).toBe(2);
  expect(await jobs()).toHaveLength(2);
});

test('a relay that does not commit loses nothing', async () => {
  await enqueue(fresh.db.read, job('kept'));
  await untilFinal(fresh.db);
  await fresh.db
    .transaction(async (tx) => {
      expect(await relayOutbox(tx, 10)).toBe(1);
      throw new Error('killed');
    })
    .catch(() => {});
  expect(await jobs()).toEqual([]);
  expect(await relay()).toBe(1);
});

test('several relays at once relay each row once', async () => {
  await fresh.db.transaction(async (tx) => {
    for (let index = 0; index < 60; index++) await enqueue(tx, job(`job-${index}`));
  });
  await untilFinal(fresh.db);
  const counts = await Promise.all(Array.from({ length: 6 }, () => relay(10)));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
  expect(await jobs()).toHaveLength(60);
});

test('an empty outbox notifies nobody', async () => {
  const notified = await fresh.db.transaction(async (tx) => {
    await relayOutbox(tx, 10);
    const { rows } = await tx.execute<{ xid: string | null }>(sql`select pg_current_xact_id_if_assigned() as xid`);
    return rows[0]?.xid;
  });
  expect(notified).toBeNull();
});

test('the backlog is what the relay has not taken, and since when it waits', async () => {
  expect(await outboxBacklog(fresh.db.read)).toEqual({ rows: 0, oldest: null });
  await enqueue(fresh.db.read, job('waits'));
  expect(await outboxBacklog(fresh.db.read)).toEqual({ rows: 1, oldest: expect.any(Date) });
});
