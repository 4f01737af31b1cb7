import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkAdministrator, recordAdministrator } from '#db/administrators.ts';
import { type CertificateIntent, recordIntent } from '#db/certificates.ts';
import { findLogin } from '#db/logins.ts';
import { recordRevocation } from '#db/revocations.ts';
import { recordStructure } from '#db/structures.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { DER, intent, issued, NOW, randomSerial } from './samples.ts';

let fresh: FreshDatabase;
let authority: CertificateIntent;
beforeAll(async () => {
  fresh = await freshDatabase();
  authority = await issued(fresh.db.read, { issuer: 'ACR-FO-TEST' });
});
afterAll(() => fresh.drop());

const PP = { issuer: 'ACI-FO-PP-TEST', profile: 'cps-auth' };

const login = ({ issuer, serial }: Pick<CertificateIntent, 'issuer' | 'serial'>, above = authority) =>
  findLogin(fresh.db.read, { issuer, serial, issuerIssuer: above.issuer, issuerSerial: above.serial });

const revoke = (certificateId: string) =>
  recordRevocation(fresh.db.read, { certificateId, revokedAt: NOW, reason: 'superseded', actor: 'operator-1' });

async function administratorOf(nationalId: string, structures: readonly string[]): Promise<string> {
  const { read } = fresh.db;
  const id = uuidv7();
  await recordAdministrator(read, { id, issuingCa: PP.issuer, cardProfile: PP.profile, nationalId });
  for (const structIdNat of structures) {
    const structureId = uuidv7();
    await recordStructure(read, { id: structureId, structIdNat, name: 'X', department: '75' });
    await linkAdministrator(read, id, structureId);
  }
  return id;
}

test('a card is its bytes, its administrator and their structures, sorted', async () => {
  const administrator = await administratorOf('899700000001', ['3B', '3A']);
  const card = await issued(fresh.db.read, { ...PP, holderKey: '899700000001' });
  const expected = { authorityRevoked: false, revoked: false, der: DER, administrator, structures: ['3A', '3B'] };
  expect(await login(card)).toEqual(expected);
});

test('a card of the same person under another profile or issuer is nobody’s login', async () => {
  await administratorOf('899700000002', ['4A']);
  for (const other of [{ profile: 'org-auth-cli' }, { issuer: 'ACI-ST-PP-TEST' }, { holderKey: '899700000003' }]) {
    const found = await login(await issued(fresh.db.read, { ...PP, holderKey: '899700000002', ...other }));
    expect(found).toEqual({ authorityRevoked: false, revoked: false, der: DER, structures: [] });
  }
});

test('a serial that was never given is unknown, and one that was never issued has no bytes', async () => {
  expect(await login({ issuer: PP.issuer, serial: randomSerial() })).toBeUndefined();
  const signing = intent(PP);
  await recordIntent(fresh.db.read, signing);
  expect(await login(signing)).not.toHaveProperty('der');
});

test('a revocation shows at once, of the card and of the authority above it', async () => {
  const above = await issued(fresh.db.read, { issuer: 'ACR-FO-TEST' });
  const card = await issued(fresh.db.read, PP);
  expect(await login(card, above)).toMatchObject({ revoked: false, authorityRevoked: false });
  await revoke(card.id);
  expect(await login(card, above)).toMatchObject({ revoked: true, authorityRevoked: false });
  await revoke(above.id);
  expect(await login(card, above)).toMatchObject({ revoked: true, authorityRevoked: true });
});
