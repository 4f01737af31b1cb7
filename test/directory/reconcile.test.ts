// A directory that somebody has damaged: every difference is found, nothing is written before it is asked for, and then it is mended.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { writeAuthorities } from '../../src/directory/authorities.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import { type Reconciliation, reconcileDirectory } from '../../src/directory/reconcile.ts';
import { HOSPITAL, issueTo, MARTIN } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, followedToTheEnd, prepareDirectory } from '../helpers/directory.ts';

let stage: DirectoryStage;
let connection: DirectoryConnection;
beforeAll(async () => {
  stage = await prepareDirectory();
  connection = stage.connection();
  for (const commonName of ['kept', 'lost', 'a, "b"', 'changed'])
    await issueTo(stage.operator, {
      profile: 'org-auth-cli',
      holder: { kind: 'structure', ...HOSPITAL },
      names: { commonName },
    });
  await issueTo(stage.operator, {
    profile: 'ps-auth',
    holder: { kind: 'professional', idNatPs: MARTIN, familyName: 'MARTIN', givenName: 'Zoé', profession: 60 },
  });
  await stage.follower('worker').follow();
  await writeAuthorities(stage.system, connection, 'worker');
}, 120_000);
afterAll(() => stage?.stop());

const reconcile = (mend: boolean): Promise<Reconciliation> =>
  reconcileDirectory(stage.system, [connection, stage.connection()], { mend, holder: 'operator' });
const service = (name: string): string => `cn=${name},ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`;
const person = `cn=${MARTIN},ou=Professionnels,${BASE}`;
const root = `cn=TEST AC RACINE IGC-SANTE FORT,${BASE}`;
const wrongAlarms = async (): Promise<number> =>
  (await listAlarms(stage.system.db.read, { kind: 'directory_wrong' })).length;

describe('a reconciliation', () => {
  it('finds nothing wrong with what the worker wrote', async () => {
    expect(await reconcile(false)).toEqual({ compared: 5 + 9, differences: [], refused: 0 });
    expect(await wrongAlarms()).toBe(0);
  });

  it('shows every damage and writes nothing, then mends it all, and an alarm tells of it meanwhile', async () => {
    const [certificate = Buffer.alloc(0)] =
      (await connection.read(service('kept'), ['*']))?.attributes.get('usercertificate;binary') ?? [];
    await connection.remove(service('lost'));
    await connection.replace(service('changed'), {
      description: ['somebody else'],
      'userCertificate;binary': [certificate],
    });
    await connection.replace(service('a\\, \\"b\\"'), { 'userCertificate;binary': [] });
    await connection.replace(person, { mail: ['zoe.martin@demo.igc-sante.fr'] });
    await connection.add(service('stranger'), {
      objectClass: ['applicationProcess', 'pkiUser'],
      cn: ['stranger'],
      'userCertificate;binary': [certificate],
    });
    await connection.remove(root);
    const expected = [
      { kind: 'extra', entry: `["service","${HOSPITAL.structIdNat}","stranger"]` },
      { kind: 'missing', entry: '["authority","ACR-FO-TEST"]' },
      { kind: 'missing', entry: `["service","${HOSPITAL.structIdNat}","lost"]` },
      { kind: 'wrong', entry: `["person","${MARTIN}"]` },
      { kind: 'wrong', entry: `["service","${HOSPITAL.structIdNat}","a, \\"b\\""]` },
      { kind: 'wrong', entry: `["service","${HOSPITAL.structIdNat}","changed"]` },
    ];
    const inOrder = ({ differences }: Reconciliation) =>
      [...differences].sort((a, b) => `${a.kind}${a.entry}`.localeCompare(`${b.kind}${b.entry}`));
    expect(inOrder(await reconcile(false))).toEqual(expected);
    expect(await connection.read(service('lost'), ['*'])).toBeUndefined();
    expect(await wrongAlarms()).toBe(1);
    expect(inOrder(await reconcile(true))).toEqual(expected);
    expect(await reconcile(false)).toMatchObject({ differences: [] });
    expect((await connection.read(person, ['*']))?.attributes.has('mail')).toBe(false);
    expect(await wrongAlarms()).toBe(0);
  });

  it('removes an entry that a mailbox names, though the certificate in it is in force', async () => {
    const mailbox = 'dr.martin@hopital-generique.fr';
    await issueTo(stage.operator, {
      profile: 'serv-smime',
      holder: { kind: 'structure', ...HOSPITAL },
      names: { commonName: mailbox, emailAddresses: [mailbox] },
    });
    await stage.follower('worker').follow();
    expect(await reconcile(false)).toMatchObject({ differences: [] });
    await connection.add(service(mailbox), { objectClass: ['applicationProcess', 'pkiUser'], cn: [mailbox] });
    expect(await reconcile(true)).toMatchObject({ differences: [{ kind: 'extra' }], refused: 0 });
    expect(await connection.read(service(mailbox), ['*'])).toBeUndefined();
  });

  it('leaves alone what others keep in the same tree', async () => {
    await connection.add(`ou=Autres,${BASE}`, { objectClass: ['organizationalUnit'], ou: ['Autres'] });
    await connection.add(`cn=theirs,ou=Autres,${BASE}`, { objectClass: ['organizationalRole'], cn: ['theirs'] });
    expect(await reconcile(true)).toMatchObject({ differences: [] });
    expect(await connection.read(`cn=theirs,ou=Autres,${BASE}`, ['*'])).toBeDefined();
  });

  it('is an operator’s command that exits with 5 while something differs', async () => {
    const igc = async (...args: string[]) => {
      const { runHere } = await import('../scripts/run-igc.ts');
      return await runHere({ ...stage.service.environment, ...stage.environment }, 'directory', ...args);
    };
    await connection.remove(service('kept'));
    expect(await igc('reconcile', '--json')).toMatchObject({ code: 5 });
    expect((await igc('reconcile', '--mend')).code).toBe(0);
    expect((await igc('reconcile')).stderr).toContain('entries compared, 0 differ');
    await followedToTheEnd(stage, stage.follower('worker'));
    const { code, stdout } = await igc('status', '--json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, state: 'on', waiting: 0, refused: 0 });
  });
});
