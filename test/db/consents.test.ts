import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consentsOf, endConsent, listConsents, type NewConsent, recordConsent } from '#db/consents.ts';
import { askForLook, countLooks, settleLooks, wantedLooks } from '#db/directory.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { issued, NOW, recordSampleAuthority } from './samples.ts';

const MAILBOX = 'secretariat@example.fr';
const LATER = new Date(NOW.getTime() + 1_000);
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await recordSampleAuthority(fresh.db);
});
afterAll(() => fresh.drop());

const consent = (): NewConsent => ({
  ...{ id: uuidv7(), mailbox: MAILBOX, givenAt: NOW, givenBy: 'operator:a', evidence: 'letter 1' },
});
const isInForce = async (): Promise<boolean | undefined> =>
  (await consentsOf(fresh.db.read, [MAILBOX, 'nobody@example.fr'])).get(MAILBOX);

test('a consent is in force once, until it is withdrawn, and may be given again; its history stays', async () => {
  const { read } = fresh.db;
  const end = () => endConsent(read, MAILBOX, { at: LATER, by: 'operator:b' });
  expect([await isInForce(), await end()]).toEqual([undefined, undefined]);
  const [first, second] = [consent(), consent()];
  await recordConsent(read, first);
  await expect(recordConsent(read, second)).rejects.toMatchObject({ code: 'already_exists' });
  expect(await isInForce()).toBe(true);
  expect([await end(), await end(), await isInForce()]).toEqual([first.id, undefined, false]);
  await recordConsent(read, second);
  expect(await isInForce()).toBe(true);
  expect(await listConsents(read, { mailbox: MAILBOX, ended: true })).toEqual([
    { ...first, withdrawnAt: LATER, withdrawnBy: 'operator:b' },
    second,
  ]);
  expect(await listConsents(read)).toEqual([second]);
});

test('of several that are given at once one is in force', async () => {
  await endConsent(fresh.db.read, MAILBOX, { at: LATER, by: 'operator:b' });
  const tries = Array.from({ length: 8 }, () => recordConsent(fresh.db.read, consent()));
  const done = await Promise.allSettled(tries);
  expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a look that is asked for again while it is taken is taken once more', async () => {
  const { read } = fresh.db;
  const { id } = await issued(read);
  await askForLook(read, [id, id].slice(1));
  await askForLook(read, [id]);
  expect(await countLooks(read, 10)).toBe(1);
  const taken = await wantedLooks(read, 10);
  expect(taken).toMatchObject([{ id }]);
  await askForLook(read, [id]);
  await settleLooks(read, taken);
  expect(await countLooks(read, 10)).toBe(1);
  await settleLooks(read, await wantedLooks(read, 10));
  expect(await countLooks(read, 10)).toBe(0);
});

test('looks are counted as far as it matters', async () => {
  const { read } = fresh.db;
  const ids = [(await issued(read)).id, (await issued(read)).id, (await issued(read)).id];
  await askForLook(read, ids);
  expect([await countLooks(read, 2), await countLooks(read, 4)]).toEqual([2, 3]);
});
