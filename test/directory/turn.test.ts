// Whose turn it is to write, however long an answer of the directory takes. Time of the process is set; the lease is in the database.

import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { acquireLease } from '#db/leases.ts';
import { inTurn } from '../../src/directory/turn.ts';
import { Outage } from '../../src/errors.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());
afterEach(() => {
  vi.restoreAllMocks();
});

const later = (ms: number): void => {
  const now = performance.now() + ms;
  vi.spyOn(performance, 'now').mockReturnValue(now);
};

it('goes on after a write that took longer than a turn, while nobody else has it', async () => {
  const done = await inTurn(database, { leaseName: 'slow', holder: 'one' }, async ({ check }) => {
    for (let write = 0; write < 5; write += 1) {
      later(45_000);
      await check();
    }
    return 'all written';
  });
  expect(done).toBe('all written');
});

it('is over when another process took it meanwhile', async () => {
  const leaseName = 'taken';
  const work = inTurn(database, { leaseName, holder: 'one' }, async ({ check }) => {
    await database.db.read.execute(`update lease set expires_at = now() where name = '${leaseName}'`);
    expect(await acquireLease(database.db.read, leaseName, 'two', 60_000)).toBe(2n);
    later(45_000);
    await check();
  });
  await expect(work).rejects.toBeInstanceOf(Outage);
});

it('is over when its lease ran out, though nobody else has it', async () => {
  const leaseName = 'ended';
  const work = inTurn(database, { leaseName, holder: 'one' }, async ({ check }) => {
    await database.db.read.execute(`update lease set expires_at = now() where name = '${leaseName}'`);
    later(45_000);
    await check();
  });
  await expect(work).rejects.toBeInstanceOf(Outage);
});
