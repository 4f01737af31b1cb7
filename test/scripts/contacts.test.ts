import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordAdministrator } from '#db/administrators.ts';
import { refuseAddress } from '#db/contacts.ts';
import { DURAND, HOSPITAL } from '../helpers/cast.ts';
import { prepareService, type Service } from '../helpers/service.ts';
import { runHere } from './run-igc.ts';

const EMAIL = 'dsi@hopital-generique.fr';
const ADMINISTRATOR = uuidv7();
const STRUCTURE = ['--structure', HOSPITAL.structIdNat];

let service: Service;
const igc = (...args: string[]) => runHere(service.environment, 'contact', ...args);
const add = (...args: string[]) => igc('add', '--language', 'fr', '--json', ...args);
const listed = async (...args: string[]) => (await igc('list', '--json', ...args)).json();

beforeAll(async () => {
  service = await prepareService();
  const { structIdNat, name, department } = HOSPITAL;
  const options = ['--id', structIdNat, '--name', name, '--department', department];
  expect(await runHere(service.environment, 'structure', 'add', ...options)).toMatchObject({ code: 0 });
  await recordAdministrator(service.database.db.read, {
    ...{ id: ADMINISTRATOR, issuingCa: 'ACI-FO-PP-TEST', cardProfile: 'cps-auth', nationalId: DURAND },
  });
});
afterAll(() => service?.stop());

test('structures, holders and administrators have contacts, each in its role and language', async () => {
  expect((await add(...STRUCTURE, '--email', 'dsi@Hopital-Generique.FR', '--dry-run')).json()).toMatchObject([
    { dryRun: true },
  ]);
  expect(await listed()).toEqual([]);
  expect(await add(...STRUCTURE, '--email', 'dsi@Hopital-Generique.FR')).toMatchObject({ code: 0 });
  expect(await add(...STRUCTURE, '--fallback', '--email', EMAIL)).toMatchObject({ code: 0 });
  expect(await add('--holder', DURAND, '--email', 'anne@hopital-generique.fr')).toMatchObject({ code: 0 });
  expect(await add('--administrator', ADMINISTRATOR, '--email', 'pki@editeur.fr')).toMatchObject({ code: 0 });
  expect(await listed(...STRUCTURE)).toMatchObject([
    { role: 'owner', email: EMAIL, language: 'fr', refusedAt: null },
    { role: 'fallback', email: EMAIL },
  ]);
  expect(await listed('--administrator', ADMINISTRATOR)).toMatchObject([{ role: 'technical' }]);
  expect((await add(...STRUCTURE, '--email', EMAIL)).stderr).toContain('already_exists');
});

test.each([
  ['a line end', 'a@example.fr\r\nBcc: b@example.fr'],
  ['two addresses', 'a@example.fr,b@example.fr'],
  ['a name before it', 'Anne <a@example.fr>'],
  ['no domain', 'a'],
  ['an escape sequence', '\u001b[31ma@example.fr'],
])('an address with %s is refused', async (_, email) => {
  const { code, stderr } = await add(...STRUCTURE, '--email', email);
  expect(code).toBe(3);
  expect(stderr).toContain('name_not_allowed');
});

test('somebody who is not known has no contact, and nobody has one without saying whose', async () => {
  expect((await add('--structure', '10B0000000', '--email', EMAIL)).stderr).toContain('holder_unknown');
  expect((await add('--administrator', uuidv7(), '--email', EMAIL)).stderr).toContain('holder_unknown');
  expect(await add('--email', EMAIL)).toMatchObject({ code: 2 });
  expect(await add('--holder', DURAND, '--fallback', '--email', EMAIL)).toMatchObject({ code: 2 });
});

test('an address that was refused gets nothing until somebody reinstates it', async () => {
  const { read } = service.database.db;
  expect(await refuseAddress(read, EMAIL, { at: new Date(), why: 'smtp_550' })).toBe(2);
  const [refused] = await listed('--refused');
  expect(refused).toMatchObject({ email: EMAIL, refusedWhy: 'smtp_550' });
  expect((await igc('reinstate', String(refused?.id), '--json')).json()).toMatchObject([{ reinstated: true }]);
  expect((await igc('reinstate', String(refused?.id), '--json')).json()).toMatchObject([{ reinstated: false }]);
  expect(await listed('--refused')).toHaveLength(1);
});

test('a contact is removed once, and the audit names it by id alone', async () => {
  const [contact] = await listed('--holder', DURAND);
  expect((await igc('remove', String(contact?.id), '--json')).json()).toMatchObject([{ removed: true }]);
  expect((await igc('remove', String(contact?.id), '--json')).json()).toMatchObject([{ removed: false }]);
  const { rows } = await service.database.db.read.execute<{ kind: string; content: object }>(
    sql`select kind, content from audit_event where kind like 'contact_%' order by id`,
  );
  expect(rows.map(({ kind }) => kind)).toEqual([
    ...['contact_added', 'contact_added', 'contact_added', 'contact_added'],
    ...['contact_reinstated', 'contact_removed'],
  ]);
  expect(JSON.stringify(rows)).not.toContain('@');
});
