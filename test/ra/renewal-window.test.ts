import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { blockKey } from '#db/blocked-keys.ts';
import type { CertificateIntent } from '#db/certificates.ts';
import { recordRevocation } from '#db/revocations.ts';
import type { Authorities, Authority } from '../../src/authority.ts';
import { findRenewalWindow } from '../../src/ra/renewal-window.ts';
import { CA, issued, NOW, randomSerial, recordSampleAuthority } from '../db/samples.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { policies } from '../policy/policies.ts';

const ROOT = 'ACR-EL-TEST';
const serial = randomSerial();
/** All that is asked of an authority here: where it stands, and its serial. */
const authority = (id: string, kind: Authority['kind'], of: Uint8Array): Authority =>
  ({ id, kind, issuer: ROOT, certificate: { serial: of } }) as Authority;
const authorities: Authorities = new Map([
  [CA, authority(CA, 'intermediate', serial)],
  [ROOT, authority(ROOT, 'root', randomSerial())],
]);

let fresh: FreshDatabase;
let made: CertificateIntent;
let authoritys: CertificateIntent;

beforeAll(async () => {
  fresh = await freshDatabase();
  await recordSampleAuthority(fresh.db);
  authoritys = await issued(fresh.db.read, { issuer: ROOT, serial });
});
beforeEach(async () => {
  made = await issued(fresh.db.read);
});
afterAll(() => fresh.drop());

const find = (structure = '10B0057881') =>
  findRenewalWindow(
    { db: fresh.db, authorities, policies },
    { id: made.id, actor: { kind: 'administrator', id: made.id, structures: [structure] } },
  );
const revoke = ({ id: certificateId }: CertificateIntent) =>
  recordRevocation(fresh.db.read, { certificateId, revokedAt: NOW, reason: 'superseded', actor: 'o' });

it('nothing has happened: it is the end of validity that counts', async () => {
  expect(await find()).toMatchObject({ reason: 'end_of_validity', start: new Date('2029-09-21T09:00:00Z') });
});

it('its key is blocked: now', async () => {
  await blockKey(fresh.db.read, made.keyDigest, 'keyCompromise');
  const { reason, end } = await find();
  expect(reason).toBe('key_blocked');
  expect(end.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
});

it('it is revoked: now', async () => {
  await revoke(made);
  expect(await find()).toMatchObject({ reason: 'revoked', end: NOW });
});

it('somebody else is told nothing', async () => {
  await expect(find('318751275100020')).rejects.toMatchObject({ code: 'not_found' });
});

it('the authority that issued it is revoked: now', async () => {
  await revoke(authoritys);
  expect(await find()).toMatchObject({ reason: 'authority_revoked', end: NOW });
});
