// The worker as a process with a directory: what it does without anyone asking, and after it was killed.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { directoryLag } from '../../src/directory/lag.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import { HOSPITAL, issueTo } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, prepareDirectory } from '../helpers/directory.ts';
import { type RunningRole, until } from '../helpers/service.ts';

let stage: DirectoryStage;
let reader: DirectoryConnection;
let workers: readonly RunningRole[];
beforeAll(async () => {
  stage = await prepareDirectory();
  reader = stage.connection();
  stage.service.start('signer ocsp');
  workers = [1, 2].map(() => stage.service.start('worker', stage.environment));
}, 120_000);
afterAll(() => stage?.stop());

let names = 0;
const issue = async (): Promise<string> => {
  names += 1;
  const commonName = `service ${names}`;
  await issueTo(stage.operator, {
    profile: 'org-auth-cli',
    holder: { kind: 'structure', ...HOSPITAL },
    names: { commonName },
  });
  return commonName;
};
const isThere = async (name: string): Promise<boolean> =>
  (await reader.read(`cn=${name},ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`, ['cn'])) !== undefined;

it('writes the authorities, and what is issued within seconds', async () => {
  const name = await issue();
  await until(() => isThere(name));
  await until(async () => {
    const list = await reader.read(
      `cn=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,ou=TEST AC RACINE IGC-SANTE ELEMENTAIRE,${BASE}`,
      ['*'],
    );
    return list?.attributes.has('certificaterevocationlist;binary') === true;
  });
}, 60_000);

it('catches up by itself when the directory is back, and issuance went on meanwhile', async () => {
  await stage.slapd.halt();
  const missed = [await issue(), await issue()];
  await until(() => workers.some((worker) => worker.log().includes('the directory is away')));
  await stage.slapd.resume();
  for (const name of missed) await until(() => isThere(name));
  await until(async () => (await directoryLag(stage.system)).rows === 0);
}, 60_000);

it('that is killed in the middle leaves nothing undone: another one has its turn within a minute', async () => {
  const before = await Promise.all(Array.from({ length: 10 }, issue));
  await Promise.all(workers.map((worker) => worker.kill()));
  // instead of waiting for the end of the lease
  await stage.system.db.read.execute(`update lease set expires_at = now() where name like 'directory%'`);
  workers = [stage.service.start('worker', stage.environment)];
  const after = await issue();
  for (const name of [...before, after]) await until(() => isThere(name));
}, 60_000);

it('says once at its start that the directory is off where it is not told of one', async () => {
  const worker = stage.service.start('worker');
  await until(() => worker.log().includes('LDAP_URL is not set: the directory is off'));
  await worker.stop();
});

it('does not start with settings that would send a password in clear', async () => {
  const worker = stage.service.start('worker', { ...stage.environment, LDAP_URL: 'ldap://directory.example.fr' });
  expect(await worker.ended).not.toBe(0);
  expect(worker.log()).toContain('LDAP_URL would send the password in clear');
});
