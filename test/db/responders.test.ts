import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordIntent } from '#db/certificates.ts';
import {
  expiredResponders,
  listAllResponders,
  listResponderKeys,
  recordResponder,
  removeResponder,
} from '#db/responders.ts';
import { recordRevocation } from '#db/revocations.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { CA, DER, intent, issued, NOW, recordSampleAuthority } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await recordSampleAuthority(fresh.db);
});
afterAll(() => fresh.drop());

const day = (count: number) => new Date(NOW.getTime() + count * 86_400_000);

async function responder(from: number, to: number) {
  const { id: certificateId } = await issued(fresh.db.read, { profile: 'ocsp-responder' });
  const keyId = new Uint8Array(randomBytes(20));
  const record = { keyId, issuer: CA, certificateId, notBefore: day(from), notAfter: day(to) };
  await recordResponder(fresh.db.read, record);
  return record;
}

const responders = async (issuer: string, at: number) =>
  (await listAllResponders(fresh.db.read, day(at))).filter((row) => row.issuer === issuer);

test('the responder of an issuer is the valid, unrevoked one that lasts longest', async () => {
  const { read } = fresh.db;
  const old = await responder(0, 30);
  const renewed = await responder(20, 50);
  const current = async (at: number) => (await responders(CA, at))[0]?.keyId;
  expect(await responders(CA, 10)).toEqual([{ ...old, der: DER }]);
  expect(await current(25)).toEqual(renewed.keyId);
  expect((await listAllResponders(read, day(25))).map(({ keyId }) => keyId)).toEqual([renewed.keyId, old.keyId]);
  expect(await current(50)).toBeUndefined();
  expect(await responders('ACI-ST-PP-TEST', 10)).toEqual([]);
  await recordRevocation(read, {
    certificateId: renewed.certificateId,
    revokedAt: NOW,
    reason: 'keyCompromise',
    actor: 'o',
  });
  expect(await current(25)).toEqual(old.keyId);
});

test('a responder whose certificate is not issued does not answer', async () => {
  const signing = intent({ profile: 'ocsp-responder' });
  await recordIntent(fresh.db.read, signing);
  const keyId = new Uint8Array(randomBytes(20));
  await recordResponder(fresh.db.read, {
    keyId,
    issuer: CA,
    certificateId: signing.id,
    notBefore: day(100),
    notAfter: day(130),
  });
  expect(await responders(CA, 110)).toEqual([]);
});

test('an expired responder is listed until it is removed', async () => {
  const { read } = fresh.db;
  const expired = await responder(-30, -1);
  expect(await expiredResponders(read, NOW)).toEqual([expired]);
  expect(await listResponderKeys(read)).toContainEqual(expired.keyId);
  expect(await removeResponder(read, expired.keyId)).toBe(true);
  expect(await removeResponder(read, expired.keyId)).toBe(false);
  expect(await expiredResponders(read, NOW)).toEqual([]);
});
