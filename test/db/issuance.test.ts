import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockKey } from '#db/blocked-keys.ts';
import { findCertificate, recordBurnt, recordIntent, recordUnsigned } from '#db/certificates.ts';
import { recordIntentOfNewKey, recordIssued } from '#db/issuance.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { DER, digest, intent, NOW, resultAudit } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
const intentAudit = (subjectId: string) => ({ ...resultAudit(subjectId), kind: 'certificate_intent' });

async function audited(...ids: readonly string[]): Promise<string[]> {
  const { rows } = await fresh.db.read.execute<{ kind: string }>(
    sql`select kind from audit_event where subject_id in ${ids} order by id`,
  );
  return rows.map(({ kind }) => kind);
}

async function fed(serial: Uint8Array): Promise<Record<string, unknown>[]> {
  const { rows } = await fresh.db.read.execute(
    sql`select issuer, revoked_at from status_feed where serial = ${Buffer.from(serial)}`,
  );
  return rows;
}

test('the intent for a new key is written with its audit row, as recordIntent would have written it', async () => {
  const recorded = intent();
  const createdAt = await recordIntentOfNewKey(fresh.db.read, recorded, intentAudit(recorded.id));
  expect(await findCertificate(fresh.db.read, recorded.id)).toEqual({
    ...recorded,
    state: 'signing',
    structure: '10B0057881',
    createdAt,
  });
  expect(await audited(recorded.id)).toEqual(['certificate_intent']);
});

test.each([
  ['blocked', async (keyDigest: Uint8Array) => void (await blockKey(fresh.db.read, keyDigest, 'keyCompromise'))],
  ['being signed', async (keyDigest: Uint8Array) => void (await recordIntent(fresh.db.read, intent({ keyDigest })))],
  [
    'in a row that was never signed',
    async (keyDigest: Uint8Array) => {
      const before = intent({ keyDigest });
      await recordIntent(fresh.db.read, before);
      await recordUnsigned(fresh.db.read, before.id);
    },
  ],
  [
    'in a burnt row',
    async (keyDigest: Uint8Array) => {
      const before = intent({ keyDigest });
      await recordIntent(fresh.db.read, before);
      await recordBurnt(fresh.db.read, before.id, NOW);
    },
  ],
])('for a key that is %s nothing is written', async (what, make) => {
  const keyDigest = digest(`a key that is ${what}`);
  await make(keyDigest);
  const recorded = intent({ keyDigest });
  expect(await recordIntentOfNewKey(fresh.db.read, recorded, intentAudit(recorded.id))).toBeUndefined();
  expect(await findCertificate(fresh.db.read, recorded.id)).toBeUndefined();
  expect(await audited(recorded.id)).toEqual([]);
});

test('of twenty orders with one new key at once, one is written, with one audit row', async () => {
  const keyDigest = digest('a new key for twenty');
  const tries = Array.from({ length: 20 }, () => intent({ keyDigest }));
  const results = await Promise.allSettled(
    tries.map((recorded) => recordIntentOfNewKey(fresh.db.read, recorded, intentAudit(recorded.id))),
  );
  const written = results.filter((result) => result.status === 'fulfilled' && result.value !== undefined);
  const refused = results.filter((result) => result.status === 'rejected');
  expect(written).toHaveLength(1);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'key_reused' });
  expect(await audited(...tries.map(({ id }) => id))).toEqual(['certificate_intent']);
});

test('an audit row that cannot be written takes its intent, or its result, with it', async () => {
  const tooLong = (id: string) => ({ ...intentAudit(id), kind: 'k'.repeat(65) });
  const lost = intent();
  await expect(recordIntentOfNewKey(fresh.db.read, lost, tooLong(lost.id))).rejects.toMatchObject({
    constraint: 'audit_event_kind',
  });
  expect(await findCertificate(fresh.db.read, lost.id)).toBeUndefined();
  const kept = intent();
  await recordIntent(fresh.db.read, kept);
  await expect(recordIssued(fresh.db.read, { id: kept.id, der: DER }, tooLong(kept.id))).rejects.toMatchObject({
    constraint: 'audit_event_kind',
  });
  expect(await findCertificate(fresh.db.read, kept.id)).toMatchObject({ state: 'signing' });
  expect(await fed(kept.serial)).toEqual([]);
});

test('a result is written once, with the feed row that tells every copy and the audit row', async () => {
  const recorded = intent();
  await recordIntent(fresh.db.read, recorded);
  const result = { id: recorded.id, der: DER };
  expect(await recordIssued(fresh.db.read, result, resultAudit(recorded.id))).toBe(true);
  expect(await recordIssued(fresh.db.read, result, resultAudit(recorded.id))).toBe(false);
  expect(await findCertificate(fresh.db.read, recorded.id)).toMatchObject({
    state: 'issued',
    der: DER,
    settledAt: expect.any(Date),
  });
  expect(await fed(recorded.serial)).toEqual([{ issuer: recorded.issuer, revoked_at: null }]);
  expect(await audited(recorded.id)).toEqual(['certificate_issued']);
});
