import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acquireLease, releaseLease, renewLease } from '#db/leases.ts';
import { violates } from '#db/query-error.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const HOUR = 3_600_000;

async function expire(name: string): Promise<void> {
  await fresh.db.read.execute(
    sql`update lease set expires_at = clock_timestamp() - interval '1 second' where name = ${name}`,
  );
}

test('of twenty at once one gets the lease', async () => {
  const epochs = await Promise.all(
    Array.from({ length: 20 }, (_, worker) => acquireLease(fresh.db.read, 'race', `worker-${worker}`, HOUR)),
  );
  expect(epochs.filter((epoch) => epoch !== undefined)).toEqual([1n]);
});

test('the holder that asks again before the end keeps its epoch', async () => {
  expect(await acquireLease(fresh.db.read, 'again', 'a', HOUR)).toBe(1n);
  expect(await acquireLease(fresh.db.read, 'again', 'a', HOUR)).toBe(1n);
  expect(await acquireLease(fresh.db.read, 'again', 'b', HOUR)).toBeUndefined();
});

test('the epoch rises when the lease passes to another, and when its own holder comes back too late', async () => {
  expect(await acquireLease(fresh.db.read, 'late', 'a', HOUR)).toBe(1n);
  await expire('late');
  expect(await acquireLease(fresh.db.read, 'late', 'b', HOUR)).toBe(2n);
  await expire('late');
  expect(await acquireLease(fresh.db.read, 'late', 'b', HOUR)).toBe(3n);
});

test('only a lease that has not expired can be renewed, by its epoch', async () => {
  const { read } = fresh.db;
  expect(await acquireLease(read, 'renew', 'a', HOUR)).toBe(1n);
  expect(await renewLease(read, { leaseName: 'renew', epoch: 1n }, HOUR)).toBe(true);
  expect(await renewLease(read, { leaseName: 'renew', epoch: 2n }, HOUR)).toBe(false);
  await expire('renew');
  expect(await renewLease(read, { leaseName: 'renew', epoch: 1n }, HOUR)).toBe(false);
});

test('a released lease is free at once and its epoch goes on', async () => {
  const { read } = fresh.db;
  expect(await acquireLease(read, 'release', 'a', HOUR)).toBe(1n);
  expect(await releaseLease(read, { leaseName: 'release', epoch: 1n })).toBe(true);
  expect(await releaseLease(read, { leaseName: 'release', epoch: 1n })).toBe(false);
  expect(await acquireLease(read, 'release', 'b', HOUR)).toBe(2n);
});

test('the epoch of a lease never goes back and its row never goes away', async () => {
  const { read } = fresh.db;
  await acquireLease(read, 'fixed', 'a', HOUR);
  const back = await read.execute(sql`update lease set epoch = epoch - 1 where name = 'fixed'`).catch((error) => error);
  expect(violates(back, 'lease_epoch_rises') || violates(back, 'lease_epoch')).toBe(true);
  const gone = await read.execute(sql`delete from lease where name = 'fixed'`).catch((error) => error);
  expect(violates(gone, 'lease_append_only')).toBe(true);
});
