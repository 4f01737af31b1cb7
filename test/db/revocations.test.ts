import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordAuthority } from '#db/authorities.ts';
import { blockKey, isBlocked } from '#db/blocked-keys.ts';
import { recordBurnt, recordIntent } from '#db/certificates.ts';
import { publishCrl, recordCrlIntent } from '#db/crls.ts';
import { acquireLease } from '#db/leases.ts';
import { violates } from '#db/query-error.ts';
import { listRevoked, mayBeUnlisted, type RevocationReason, recordRevocation } from '#db/revocations.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { authority, DER, digest, intent, issued, NOW, openTransaction, recordSampleAuthority } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await recordSampleAuthority(fresh.db);
});
afterAll(() => fresh.drop());

const later = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);

function revoke(certificateId: string, reason: RevocationReason = 'superseded', revokedAt = NOW) {
  return recordRevocation(fresh.db.read, { certificateId, revokedAt, reason, actor: 'operator-1' });
}

test('of ten revocations of one certificate at once, one revokes it and nine find it revoked', async () => {
  const { id } = await issued(fresh.db.read);
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => revoke(id)));
  expect(outcomes.sort()).toEqual([...Array(9).fill('already'), 'revoked']);
});

test('re-revocation raises the reason to keyCompromise, once, and changes neither date nor actor', async () => {
  const { id } = await issued(fresh.db.read);
  expect(await revoke(id, 'superseded', NOW)).toBe('revoked');
  expect(await revoke(id, 'cessationOfOperation', later(1))).toBe('already');
  expect(await revoke(id, 'keyCompromise', later(2))).toBe('raised');
  expect(await revoke(id, 'keyCompromise', later(3))).toBe('already');
  const { rows } = await fresh.db.read.execute(
    sql`select reason, actor, revoked_at, reason_before, raised_at
      from revocation join revocation_raise using (certificate_id) where certificate_id = ${id}`,
  );
  expect(rows).toMatchObject([{ reason: 'keyCompromise', actor: 'operator-1', reason_before: 'superseded' }]);
  expect(new Date(String(rows[0]?.revoked_at))).toEqual(NOW);
  expect(new Date(String(rows[0]?.raised_at))).toEqual(later(2));
});

test('a certificate that is being signed, was never signed or does not exist cannot be revoked', async () => {
  const signing = intent();
  await recordIntent(fresh.db.read, signing);
  const refusal = { name: 'Refusal', code: 'certificate_not_issued' };
  await expect(revoke(signing.id)).rejects.toMatchObject(refusal);
  await expect(revoke(intent().id)).rejects.toMatchObject(refusal);
});

test.each([
  [
    "update revocation set revoked_at = revoked_at + interval '1 day', reason = 'keyCompromise'",
    'revocation_definitive',
  ],
  ["update revocation set reason = 'unspecified'", 'revocation_definitive'],
  ['delete from revocation', 'revocation_append_only'],
  ['truncate revocation', 'revocation_append_only'],
  ['update revocation_raise set raised_at = now()', 'revocation_raise_append_only'],
  ['delete from revocation_raise', 'revocation_raise_append_only'],
  ['truncate revocation_raise', 'revocation_raise_append_only'],
])('a revocation is definitive: %s', async (statement, guard) => {
  const { id } = await issued(fresh.db.read);
  await revoke(id);
  await revoke(id, 'keyCompromise');
  const error = await fresh.db.read.execute(statement).catch((thrown) => thrown);
  expect(violates(error, guard)).toBe(true);
});

test('a CRL lists the serials of its issuer, burnt ones included, by date and then serial', async () => {
  const issuer = 'ACI-ST-PP-TEST';
  const serials = [0x31, 0x11, 0x21, 0x41].map((first) => Uint8Array.of(first, ...new Array(15).fill(7)));
  const [a, b, c, d] = serials as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  await revoke((await issued(fresh.db.read, { issuer, serial: a })).id, 'superseded', later(1));
  await revoke((await issued(fresh.db.read, { issuer, serial: b })).id, 'superseded', later(2));
  await revoke((await issued(fresh.db.read, { issuer, serial: c })).id, 'superseded', later(1));
  const burnt = intent({ issuer, serial: d });
  await recordIntent(fresh.db.read, burnt);
  await fresh.db.transaction(async (tx) => {
    await recordBurnt(tx, burnt.id, NOW);
    await recordRevocation(tx, { certificateId: burnt.id, revokedAt: NOW, reason: 'unspecified', actor: 'recovery' });
  });
  await issued(fresh.db.read, { issuer });
  expect(await listRevoked(fresh.db.read, issuer)).toEqual([
    { serial: d, revokedAt: NOW },
    { serial: c, revokedAt: later(1) },
    { serial: a, revokedAt: later(1) },
    { serial: b, revokedAt: later(2) },
  ]);
});

test('an issuer without revocations has an empty list', async () => {
  expect(await listRevoked(fresh.db.read, 'ACI-FO-PP-TEST')).toEqual([]);
});

test('an entry stays until a CRL of the regular series is younger than its end, whatever else is published meanwhile', async () => {
  const issuer = 'ACI-FO-ORG-TEST';
  await recordAuthority(fresh.db.read, authority({ id: issuer, keyDigest: digest('another CA key') }));
  const expires = later(10);
  const { id, serial } = await issued(fresh.db.read, { issuer, notAfter: expires });
  await revoke(id);
  const epoch = (await acquireLease(fresh.db.read, issuer, 'worker', 3_600_000)) ?? 0n;
  const publish = async (number: bigint, thisUpdate: Date, scheduled: boolean) => {
    const nextUpdate = later(1000);
    await recordCrlIntent(fresh.db.read, { issuer, number, scheduled, thisUpdate, nextUpdate, entries: 1, tbs: DER });
    await publishCrl(fresh.db.read, { issuer, number, der: DER, leaseName: issuer, epoch });
  };
  const listed = async () => (await listRevoked(fresh.db.read, issuer)).map((entry) => entry.serial);
  await publish(1n, later(5), true);
  await publish(2n, later(11), false);
  expect(await listed()).toEqual([serial]);
  await publish(3n, later(12), true);
  expect(await listed()).toEqual([]);
});

test('a CRL may lack a revocation that was written after it, or committed after it though begun before', async () => {
  const issuer = 'ACI-ST-ORG-TEST';
  await recordAuthority(fresh.db.read, authority({ id: issuer, keyDigest: digest('a third CA key') }));
  const epoch = (await acquireLease(fresh.db.read, issuer, 'worker', 3_600_000)) ?? 0n;
  const publish = async (number: bigint, thisUpdate: Date) => {
    const dates = { thisUpdate, nextUpdate: later(10_000) };
    await recordCrlIntent(fresh.db.read, { issuer, number, scheduled: false, ...dates, entries: 1, tbs: DER });
    await publishCrl(fresh.db.read, { issuer, number, der: DER, leaseName: issuer, epoch });
  };
  expect(await mayBeUnlisted(fresh.db.read, issuer)).toBe(false);
  await revoke((await issued(fresh.db.read, { issuer })).id);
  expect(await mayBeUnlisted(fresh.db.read, issuer)).toBe(true);
  await publish(1n, later(120));
  expect(await mayBeUnlisted(fresh.db.read, issuer)).toBe(false);

  const { id: certificateId } = await issued(fresh.db.read, { issuer });
  const late = await openTransaction(fresh.db, (tx) =>
    recordRevocation(tx, { certificateId, revokedAt: later(240), reason: 'superseded', actor: 'operator-1' }),
  );
  await publish(2n, later(240));
  expect(await mayBeUnlisted(fresh.db.read, issuer)).toBe(false);
  await late.commit();
  expect(await mayBeUnlisted(fresh.db.read, issuer)).toBe(true);
});

test('a blocked key stays blocked', async () => {
  expect(await isBlocked(fresh.db.read, digest('stolen'))).toBe(false);
  expect(await blockKey(fresh.db.read, digest('stolen'), 'keyCompromise')).toBe(true);
  expect(await blockKey(fresh.db.read, digest('stolen'), 'keyCompromise')).toBe(false);
  expect(await isBlocked(fresh.db.read, digest('stolen'))).toBe(true);
});
