import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { recordAuthority } from '#db/authorities.ts';
import {
  adoptCrl,
  burnCrl,
  type CrlIntent,
  latestCrl,
  latestCrlNumber,
  latestScheduledUpdate,
  listCrls,
  nextCrlNumber,
  publishCrl,
  recordCrlIntent,
  staleCrlIntents,
} from '#db/crls.ts';
import { acquireLease, type HeldLease } from '#db/leases.ts';
import { violates } from '#db/query-error.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { authority, digest, NOW, openTransaction } from './samples.ts';

let fresh: FreshDatabase;
let issuer: string;
let held: HeldLease;
let count = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

beforeEach(async () => {
  issuer = `CA-${++count}`;
  await recordAuthority(fresh.db.read, authority({ id: issuer, keyDigest: digest(issuer) }));
  held = {
    leaseName: `crl ${issuer}`,
    epoch: (await acquireLease(fresh.db.read, `crl ${issuer}`, 'a', 3_600_000)) ?? 0n,
  };
});

const later = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
const TBS = Uint8Array.of(1, 2);
const DER = Uint8Array.of(1, 2, 3);

function crl(number: bigint, changes: Partial<CrlIntent> = {}): CrlIntent {
  const dates = { thisUpdate: later(Number(number)), nextUpdate: later(Number(number) + 144) };
  return { issuer, number, scheduled: true, ...dates, entries: 3, tbs: TBS, ...changes };
}
const record = (number: bigint, changes: Partial<CrlIntent> = {}) =>
  recordCrlIntent(fresh.db.read, crl(number, changes));
const publish = (number: bigint) => publishCrl(fresh.db.read, { ...held, issuer, number, der: DER });

test('numbers begin at 1 and every number is used once, burnt ones included', async () => {
  expect(await nextCrlNumber(fresh.db.read, issuer)).toBe(1n);
  expect(await record(1n)).toBe(true);
  expect(await burnCrl(fresh.db.read, issuer, 1n)).toBe(true);
  expect(await nextCrlNumber(fresh.db.read, issuer)).toBe(2n);
});

test('of ten publishers that take the same number at once, one gets it', async () => {
  const taken = await Promise.all(Array.from({ length: 10 }, () => record(1n)));
  expect(taken.filter(Boolean)).toHaveLength(1);
});

test('a number that is not the next one is not taken', async () => {
  expect(await record(2n)).toBe(false);
  await record(1n);
  expect(await record(1n)).toBe(false);
  expect(await record(3n)).toBe(false);
});

test('thisUpdate never goes back behind a published CRL', async () => {
  await record(1n);
  await publish(1n);
  expect(await record(2n, { thisUpdate: later(0) })).toBe(false);
  expect(await record(2n, { thisUpdate: later(1) })).toBe(true);
});

test('the latest CRL is the published one with the highest number', async () => {
  expect(await latestCrl(fresh.db.read, issuer)).toBeUndefined();
  await record(1n);
  expect(await latestCrl(fresh.db.read, issuer)).toBeUndefined();
  expect(await publish(1n)).toBe(true);
  await record(2n);
  await burnCrl(fresh.db.read, issuer, 2n);
  await record(3n);
  expect(await latestCrl(fresh.db.read, issuer)).toEqual({
    number: 1n,
    der: DER,
    thisUpdate: later(1),
    nextUpdate: later(145),
  });
});

test('a publisher whose lease passed to another publishes nothing', async () => {
  await record(1n);
  await fresh.db.read.execute(sql`update lease set expires_at = now() where name = ${held.leaseName}`);
  expect(await acquireLease(fresh.db.read, held.leaseName, 'b', 3_600_000)).toBe(2n);
  expect(await publish(1n)).toBe(false);
  expect(await latestCrl(fresh.db.read, issuer)).toBeUndefined();
});

test('a lease cannot be taken over between the comparison of the epoch and the commit', async () => {
  await record(1n);
  await fresh.db.read.execute(sql`update lease set expires_at = now() where name = ${held.leaseName}`);
  const publisher = await openTransaction(fresh.db, (tx) => publishCrl(tx, { ...held, issuer, number: 1n, der: DER }));
  let taken = false;
  const takeover = acquireLease(fresh.db.read, held.leaseName, 'b', 3_600_000).then((epoch) => {
    taken = true;
    return epoch;
  });
  for (let waiting = false; !waiting; ) {
    const { rows } = await fresh.db.read.execute<{ waiting: boolean }>(
      sql`select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock') as waiting`,
    );
    waiting = rows[0]?.waiting ?? false;
  }
  expect(taken).toBe(false);
  await publisher.commit();
  expect(await takeover).toBe(2n);
  expect(await latestCrl(fresh.db.read, issuer)).toMatchObject({ number: 1n });
});

test('a CRL that is settled is never settled again, and a lower number is not published after a higher one', async () => {
  await record(1n);
  await record(2n);
  expect(await publish(2n)).toBe(true);
  expect(await publish(1n)).toBe(false);
  expect(await burnCrl(fresh.db.read, issuer, 1n)).toBe(true);
  expect(await burnCrl(fresh.db.read, issuer, 1n)).toBe(false);
  expect(await burnCrl(fresh.db.read, issuer, 2n)).toBe(false);
  const changed = await fresh.db.read
    .execute(sql`update crl set state = 'signing' where issuer = ${issuer} and number = 1`)
    .catch((error) => error);
  expect(violates(changed, 'crl_settled_once')).toBe(true);
});

test('CRLs still signing after the given time are stale', async () => {
  await record(1n);
  expect(await staleCrlIntents(fresh.db.read, 3_600_000)).toEqual([]);
  expect(await staleCrlIntents(fresh.db.read, -1_000)).toContainEqual({ issuer, number: 1n });
  await publish(1n);
  expect(await staleCrlIntents(fresh.db.read, -1_000)).not.toContainEqual({ issuer, number: 1n });
});

test('a list of CRLs is newest first and carries no bytes', async () => {
  await record(1n);
  await publish(1n);
  await record(2n, { scheduled: false });
  expect(await listCrls(fresh.db.read, { issuer, limit: 5 })).toEqual([
    expect.objectContaining({ issuer, number: 2n, state: 'signing', scheduled: false, entries: 3 }),
    expect.objectContaining({ issuer, number: 1n, state: 'published', scheduled: true, thisUpdate: later(1) }),
  ]);
  expect((await listCrls(fresh.db.read, { limit: 1 }))[0]).not.toHaveProperty('der');
});

test('the latest number and the latest regular thisUpdate are those of published CRLs', async () => {
  const latest = async () => [
    await latestCrlNumber(fresh.db.read, issuer),
    await latestScheduledUpdate(fresh.db.read, issuer),
  ];
  expect(await latest()).toEqual([undefined, undefined]);
  await record(1n);
  await publish(1n);
  await record(2n, { scheduled: false });
  await publish(2n);
  await record(3n);
  expect(await latest()).toEqual([2n, later(1)]);
});

test('a CRL of before this database is adopted once, as published or as burnt, and numbers go on above it', async () => {
  const earlier = (number: bigint) => {
    const { scheduled: _, tbs: __, ...row } = crl(number);
    return row;
  };
  expect(await adoptCrl(fresh.db.read, { ...earlier(7n), der: DER })).toBe(true);
  expect(await adoptCrl(fresh.db.read, { ...earlier(7n), der: DER })).toBe(false);
  expect(await adoptCrl(fresh.db.read, { ...earlier(8n), tbs: TBS })).toBe(true);
  expect(await latestCrl(fresh.db.read, issuer)).toMatchObject({ number: 7n, der: DER });
  expect(await nextCrlNumber(fresh.db.read, issuer)).toBe(9n);
});
