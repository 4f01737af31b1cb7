import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendAudit } from '#db/audit.ts';
import { sealAudit, unsealedBacklog, verifyAudit } from '#db/audit-chain.ts';
import type { Tx } from '#db/connect.ts';
import { acquireLease, type HeldLease } from '#db/leases.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { NOW, openTransaction, untilFinal } from './samples.ts';

let fresh: FreshDatabase;
let held: HeldLease;
beforeEach(async () => {
  fresh = await freshDatabase();
  held = { leaseName: 'seal', epoch: (await acquireLease(fresh.db.read, 'seal', 'a', 3_600_000)) ?? 0n };
});
afterEach(() => fresh.drop());

const append = (tx: Tx, subjectId: string) =>
  appendAudit(tx, { at: NOW, kind: 'test', actor: 'tester', subjectId, content: { n: 1 } });

const seal = (limit = 1000) => fresh.db.transaction((tx) => sealAudit(tx, { ...held, limit }));

async function sealed(...subjects: string[]): Promise<void> {
  for (const subject of subjects) await append(fresh.db.read, subject);
  await untilFinal(fresh.db);
  expect(await seal()).toBe(subjects.length);
}

async function chain(): Promise<string[]> {
  const { rows } = await fresh.db.read.execute<{ subject_id: string }>(
    sql`select subject_id from audit_chain join audit_event on id = event_id order by position`,
  );
  return rows.map(({ subject_id }) => subject_id);
}

const faults = async () => (await verifyAudit(fresh.db.read)).faults;

test('each link is SHA-256 of the link before, the digest of the row and the position', async () => {
  await sealed('a', 'b');
  const { rows } = await fresh.db.read.execute<{ hash: Buffer; digest: Buffer }>(
    sql`select hash, digest from audit_chain join audit_event on id = event_id order by position`,
  );
  const link = (previous: Uint8Array, digest: Uint8Array, position: number) =>
    createHash('sha256')
      .update(previous)
      .update(digest)
      .update(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, position))
      .digest();
  const first = link(new Uint8Array(32), rows[0]?.digest ?? Buffer.of(), 1);
  expect(rows[0]?.hash.equals(first)).toBe(true);
  expect(rows[1]?.hash.equals(link(first, rows[1]?.digest ?? Buffer.of(), 2))).toBe(true);
});

test('a row whose transaction commits late is sealed when it commits, and none that came later before it', async () => {
  const early = await openTransaction(fresh.db, (tx) => append(tx, 'early'));
  await append(fresh.db.read, 'meanwhile');
  expect(await seal()).toBe(0);
  await append(early.tx, 'late');
  await early.commit();
  await untilFinal(fresh.db);
  expect(await seal()).toBe(3);
  expect(await chain()).toEqual(['early', 'late', 'meanwhile']);
  expect(await faults()).toEqual([]);
});

test('what was committed before the oldest running transaction is sealed while that one still runs', async () => {
  await append(fresh.db.read, 'before');
  await untilFinal(fresh.db);
  const running = await openTransaction(fresh.db, (tx) => append(tx, 'running'));
  expect(await seal()).toBe(1);
  await running.commit();
});

test('a transaction that is rolled back leaves no hole', async () => {
  await append(fresh.db.read, 'a');
  await fresh.db
    .transaction(async (tx) => {
      await append(tx, 'rolled back');
      throw new Error('no');
    })
    .catch(() => {});
  await append(fresh.db.read, 'b');
  await untilFinal(fresh.db);
  expect(await seal()).toBe(2);
  expect(await faults()).toEqual([]);
});

test('a limit cuts in order, and the next batch goes on from there', async () => {
  await fresh.db.transaction(async (tx) => {
    for (const subject of ['a', 'b', 'c', 'd', 'e']) await append(tx, subject);
  });
  await untilFinal(fresh.db);
  expect([await seal(2), await seal(2), await seal(2), await seal(2)]).toEqual([2, 2, 1, 0]);
  expect(await chain()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('ten sealers at once seal each row once', async () => {
  const subjects = Array.from({ length: 50 }, (_, index) => `s${index}`);
  await Promise.all(subjects.map((subject) => append(fresh.db.read, subject)));
  await untilFinal(fresh.db);
  const counts = await Promise.all(Array.from({ length: 10 }, () => seal(10)));
  expect(counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)).toBe(50);
  expect((await chain()).sort()).toEqual(subjects.sort());
  expect(await faults()).toEqual([]);
});

test('a sealer whose lease passed to another seals nothing', async () => {
  await append(fresh.db.read, 'a');
  await untilFinal(fresh.db);
  await fresh.db.read.execute(sql`update lease set expires_at = now()`);
  await acquireLease(fresh.db.read, 'seal', 'b', 3_600_000);
  expect(await seal()).toBeUndefined();
  expect(await chain()).toEqual([]);
});

test('the backlog is what is committed and not chained, and how old it is', async () => {
  expect(await unsealedBacklog(fresh.db.read)).toEqual({ rows: 0, oldest: null });
  await sealed('a');
  await append(fresh.db.read, 'b');
  expect(await unsealedBacklog(fresh.db.read)).toEqual({ rows: 1, oldest: NOW });
});
