import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findAdministrator, linkAdministrator, listAdministrators, recordAdministrator } from '#db/administrators.ts';
import {
  findAuthority,
  findHierarchy,
  isAuthorityKey,
  listAuthorities,
  recordAuthority,
  recordHierarchy,
} from '#db/authorities.ts';
import { findStructure, listStructures, recordStructure } from '#db/structures.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { authority, CA, digest } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const exists = { name: 'Refusal', code: 'already_exists' };

test('a database belongs to one hierarchy', async () => {
  const { read } = fresh.db;
  const hierarchy = { name: 'TEST', urls: { public: 'http://igc.demo.igc-sante.fr' }, digest: 'b'.repeat(64) };
  expect(await findHierarchy(read)).toBeUndefined();
  await recordHierarchy(read, hierarchy);
  expect(await findHierarchy(read)).toEqual(hierarchy);
  await expect(recordHierarchy(read, { ...hierarchy, name: 'PROD' })).rejects.toMatchObject(exists);
});

test('a CA is recorded once, and its key is recognised', async () => {
  const { read } = fresh.db;
  const root = authority({ id: 'ACR-EL-TEST', kind: 'root', keyDigest: digest('root key') });
  await recordAuthority(read, authority());
  await recordAuthority(read, root);
  await expect(recordAuthority(read, authority({ keyDigest: digest('new key') }))).rejects.toMatchObject(exists);
  await expect(recordAuthority(read, authority({ id: 'ACI-FO-PP-TEST' }))).rejects.toMatchObject(exists);
  expect(await listAuthorities(read)).toEqual([authority(), root]);
  expect(await findAuthority(read, CA)).toEqual(authority());
  expect(await findAuthority(read, 'ACI-FO-PP-TEST')).toBeUndefined();
  expect(await isAuthorityKey(read, digest('root key'))).toBe(true);
  expect(await isAuthorityKey(read, digest('new key'))).toBe(false);
});

test('a structure is known by its national identifier, once', async () => {
  const { read } = fresh.db;
  const structure = { id: uuidv7(), structIdNat: '10B0057881', name: 'HOPITAL', department: 'Corse-du-Sud (2A)' };
  await recordStructure(read, structure);
  await expect(recordStructure(read, { ...structure, id: uuidv7() })).rejects.toMatchObject(exists);
  expect(await findStructure(read, '10B0057881')).toEqual(structure);
  expect(await findStructure(read, '10B0039129')).toBeUndefined();
  expect(await listStructures(read)).toEqual([structure]);
});

test('an administrator is issuing CA, card profile and national identifier; each other combination is nobody', async () => {
  const { read } = fresh.db;
  const login = { issuingCa: 'ACI-FO-PP-TEST', cardProfile: 'cps-auth', nationalId: '899700367909' };
  const id = uuidv7();
  await recordAdministrator(read, { id, ...login });
  await expect(recordAdministrator(read, { id: uuidv7(), ...login })).rejects.toMatchObject(exists);
  expect(await findAdministrator(read, login)).toEqual({ id, ...login, structures: [] });
  for (const other of [{ issuingCa: CA }, { cardProfile: 'org-auth-cli' }, { nationalId: '899700367917' }]) {
    expect(await findAdministrator(read, { ...login, ...other })).toBeUndefined();
  }
});

test('an administrator acts for the structures that were linked, and no others', async () => {
  const { read } = fresh.db;
  const login = { issuingCa: 'ACI-FO-PP-TEST', cardProfile: 'cps-auth', nationalId: '899700000001' };
  const administratorId = uuidv7();
  await recordAdministrator(read, { id: administratorId, ...login });
  const ids = [];
  for (const structIdNat of ['3B', '3A', '3C']) {
    const id = uuidv7();
    ids.push(id);
    await recordStructure(read, { id, structIdNat, name: 'X', department: 'Paris (75)' });
  }
  for (const id of ids.slice(0, 2)) expect(await linkAdministrator(read, administratorId, id)).toBe(true);
  expect(await linkAdministrator(read, administratorId, ids[0] ?? '')).toBe(false);
  expect(await findAdministrator(read, login)).toMatchObject({ structures: ['3A', '3B'] });
  expect((await listAdministrators(read)).map(({ structures }) => structures)).toContainEqual(['3A', '3B']);
});

test('an unknown structure or administrator cannot be linked', async () => {
  const { read } = fresh.db;
  await expect(linkAdministrator(read, uuidv7(), uuidv7())).rejects.toMatchObject({ code: 'holder_unknown' });
  const id = uuidv7();
  await recordAdministrator(read, { id, issuingCa: CA, cardProfile: 'cpe-auth', nationalId: '1' });
  await expect(linkAdministrator(read, id, uuidv7())).rejects.toMatchObject({ code: 'holder_unknown' });
});
