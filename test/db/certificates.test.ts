import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CertificateState,
  certificateStatus,
  countExpiredBefore,
  findBySerial,
  findCertificate,
  findKeyUse,
  recordBurnt,
  recordIntent,
  recordUnsigned,
  staleIntents,
} from '#db/certificates.ts';
import { recordIssued } from '#db/issuance.ts';
import { violates } from '#db/query-error.ts';
import { recordRevocation } from '#db/revocations.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { CA, DER, digest, intent, issued, NOW, randomSerial, resultAudit } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const END = new Date('2029-11-21T10:00:00Z');

async function settled(state: Exclude<CertificateState, 'signing'>, id: string): Promise<boolean> {
  const { read } = fresh.db;
  if (state === 'issued') return await recordIssued(read, { id, der: DER }, resultAudit(id));
  return state === 'unsigned' ? await recordUnsigned(read, id) : await recordBurnt(read, id, NOW);
}

test('an intent is found again, byte for byte, before anything is signed', async () => {
  const recorded = intent();
  await recordIntent(fresh.db.read, recorded);
  const found = await findCertificate(fresh.db.read, recorded.id);
  expect(found).toEqual({
    ...recorded,
    state: 'signing',
    structure: '10B0057881',
    createdAt: expect.any(Date),
  });
  expect(await findBySerial(fresh.db.read, recorded.issuer, recorded.serial)).toEqual(found);
});

test('an issued certificate is found with its DER, and with its revocation', async () => {
  const { id, serial } = await issued(fresh.db.read);
  expect(await findCertificate(fresh.db.read, id)).toMatchObject({
    state: 'issued',
    der: DER,
    settledAt: expect.any(Date),
  });
  await recordRevocation(fresh.db.read, { certificateId: id, revokedAt: NOW, reason: 'superseded', actor: 'operator' });
  expect(await findBySerial(fresh.db.read, CA, serial)).toMatchObject({
    revocation: { revokedAt: NOW, reason: 'superseded' },
  });
});

test.each(['issued', 'unsigned', 'burnt'] as const)('a row that is %s is never settled again', async (state) => {
  const recorded = intent();
  await recordIntent(fresh.db.read, recorded);
  expect(await settled(state, recorded.id)).toBe(true);
  for (const other of ['issued', 'unsigned', 'burnt'] as const) expect(await settled(other, recorded.id)).toBe(false);
  expect(await findCertificate(fresh.db.read, recorded.id)).toMatchObject({ state });
});

test('of the issuer and the recovery that settle one row at once, one is told that it won', async () => {
  const recorded = intent();
  await recordIntent(fresh.db.read, recorded);
  const won = await Promise.all([settled('issued', recorded.id), settled('burnt', recorded.id)]);
  expect(won.filter(Boolean)).toHaveLength(1);
});

test('of twenty intents with one key at once, one is written and the others are refused as key_reused', async () => {
  const keyDigest = digest('one key for twenty');
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => fresh.db.transaction((tx) => recordIntent(tx, intent({ keyDigest })))),
  );
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(19);
  for (const { reason } of refused) expect(reason).toMatchObject({ name: 'Refusal', code: 'key_reused' });
  expect(await findKeyUse(fresh.db.read, keyDigest)).toHaveLength(1);
});

test('a key is free again after its row was burnt or not signed, and each use stays on record', async () => {
  const keyDigest = digest('a key tried three times');
  const tries = [intent({ keyDigest }), intent({ keyDigest }), intent({ keyDigest })] as const;
  await recordIntent(fresh.db.read, tries[0]);
  await settled('burnt', tries[0].id);
  await recordIntent(fresh.db.read, tries[1]);
  await settled('unsigned', tries[1].id);
  await recordIntent(fresh.db.read, tries[2]);
  await settled('issued', tries[2].id);
  expect(
    (await findKeyUse(fresh.db.read, keyDigest)).map(({ certificateId, state }) => [certificateId, state]),
  ).toEqual([
    [tries[0].id, 'burnt'],
    [tries[1].id, 'unsigned'],
    [tries[2].id, 'issued'],
  ]);
  expect((await findKeyUse(fresh.db.read, keyDigest))[0]).toEqual({
    certificateId: tries[0].id,
    state: 'burnt',
    orderDigest: tries[0].orderDigest,
    actor: tries[0].actor,
    holderKey: tries[0].holderKey,
  });
});

test('a serial is used once per issuer, and may be used by another issuer', async () => {
  const serial = randomSerial();
  await recordIntent(fresh.db.read, intent({ serial }));
  await recordIntent(fresh.db.read, intent({ serial, issuer: 'ACI-ST-PP-TEST' }));
  const again = await recordIntent(fresh.db.read, intent({ serial })).catch((error) => error);
  expect(violates(again, 'certificate_issuer_serial')).toBe(true);
});

test.each(['serial', 'tbs', 'issuer', 'key_digest', 'not_after', 'profile_digest', 'order_digest', 'actor'])(
  'the %s of a certificate cannot be changed',
  async (column) => {
    const recorded = intent();
    await recordIntent(fresh.db.read, recorded);
    const bytes = sql`set_byte(${sql.identifier(column)}, 1, 255)`;
    const value = ['serial', 'tbs', 'key_digest', 'order_digest'].includes(column)
      ? bytes
      : column === 'not_after'
        ? sql`not_after + interval '1 second'`
        : sql`reverse(${sql.identifier(column)}) || 'b'`;
    const changed = await fresh.db.read
      .execute(sql`update certificate set ${sql.identifier(column)} = ${value} where id = ${recorded.id}`)
      .catch((error) => error);
    expect(violates(changed, 'certificate_immutable')).toBe(true);
  },
);

test.each([
  ["state = 'signing', der = null, settled_at = null", 'certificate_settled_once'],
  ["state = 'burnt', der = null", 'certificate_settled_once'],
  ["der = '\\x0102030405'", 'certificate_settled_once'],
])('an issued certificate cannot be changed by: set %s', async (change, guard) => {
  const { id } = await issued(fresh.db.read);
  const changed = await fresh.db.read
    .execute(sql`update certificate set ${sql.raw(change)} where id = ${id}`)
    .catch((error) => error);
  expect(violates(changed, guard)).toBe(true);
});

test('a certificate is never deleted', async () => {
  const { id } = await issued(fresh.db.read);
  const gone = await fresh.db.read.execute(sql`delete from certificate where id = ${id}`).catch((error) => error);
  expect(violates(gone, 'certificate_append_only')).toBe(true);
});

test('personal data of a certificate can be erased', async () => {
  const { id } = await issued(fresh.db.read);
  await fresh.db.read.execute(
    sql`update certificate set subject = 'erased', holder = '{}', holder_key = 'x' where id = ${id}`,
  );
  expect(await findCertificate(fresh.db.read, id)).toMatchObject({ subject: 'erased', holder: {}, state: 'issued' });
});

test('the status of a serial is its state and revocation, and a serial never used has none', async () => {
  const { id, serial } = await issued(fresh.db.read);
  const status = () => certificateStatus(fresh.db.read, CA, serial);
  expect(await status()).toEqual({ state: 'issued', notAfter: END });
  await recordRevocation(fresh.db.read, {
    certificateId: id,
    revokedAt: NOW,
    reason: 'unspecified',
    actor: 'operator',
  });
  expect(await status()).toEqual({ state: 'issued', notAfter: END, revokedAt: NOW });
  expect(await certificateStatus(fresh.db.read, 'ACI-ST-PP-TEST', serial)).toBeUndefined();
  expect(await certificateStatus(fresh.db.read, CA, randomSerial())).toBeUndefined();
});

test('stale intents are those still signing after the given time by the clock of the database', async () => {
  const [old, young, done] = [intent(), intent(), intent()];
  for (const one of [old, young, done]) await recordIntent(fresh.db.read, one);
  await settled('issued', done.id);
  await fresh.db.transaction(async (tx) => {
    await tx.execute(sql`alter table certificate disable trigger certificate_guard`);
    await tx.execute(
      sql`update certificate set created_at = created_at - interval '1 hour' where id in (${old.id}, ${done.id})`,
    );
    await tx.execute(sql`alter table certificate enable trigger certificate_guard`);
  });
  expect((await staleIntents(fresh.db.read, 1_800_000)).map(({ id }) => id)).toEqual([old.id]);
});

test('of some serials of one issuer those count that ended before a moment', async () => {
  const ended = await issued(fresh.db.read, { notAfter: new Date('2026-12-01T00:00:00Z') });
  const valid = await issued(fresh.db.read);
  const foreign = await issued(fresh.db.read, { issuer: 'ACI-ST-PP-TEST', notAfter: new Date('2026-12-01T00:00:00Z') });
  const serials = [ended, valid, foreign].map(({ serial }) => serial);
  const count = (before: string) => countExpiredBefore(fresh.db.read, CA, serials, new Date(before));
  expect([await count('2026-12-01T00:00:00Z'), await count('2026-12-01T00:00:01Z')]).toEqual([0, 1]);
  expect(await countExpiredBefore(fresh.db.read, CA, [], NOW)).toBe(0);
});
