// The worker as a process with a directory: what it does without anyone asking, and after it was killed.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { directoryLag } from '../../src/directory/lag.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import { HOSPITAL, issueTo } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, prepareDirectory } from '../helpers/directory.ts';
import { freePort, type RunningRole, until } from '../helpers/service.ts';

let stage: DirectoryStage;
let reader: DirectoryConnection;
let workers: readonly RunningRole[];
/** where each says how it is */
let shown: readonly string[];
beforeAll(async () => {
  stage = await prepareDirectory();
  reader = stage.connection();
  stage.service.start('signer ocsp');
  const ports = [await freePort(), await freePort()];
  shown = ports.map((port) => `http://127.0.0.1:${port}`);
  workers = ports.map((port) =>
    stage.service.start('worker', { ...stage.environment, METRICS_LISTEN: `127.0.0.1:${port}` }),
  );
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

type Said = { readonly ready: boolean; readonly checks: readonly { readonly name: string; readonly state?: string }[] };
const ask = async (at = shown[0]): Promise<Said> => (await (await fetch(`${at}/readyz`)).json()) as Said;
const statesOfLdap = async (): Promise<readonly (string | undefined)[]> =>
  (await Promise.all(shown.map((at) => ask(at)))).map(
    ({ checks }) => checks.find(({ name }) => name === 'LDAP')?.state,
  );

it('says that it is ready, and what it does without: no mail, and nobody who observes', async () => {
  await until(async () => (await ask()).ready);
  const { checks } = await ask();
  expect(checks).toContainEqual({ name: 'database', ok: true });
  expect(checks).toContainEqual({ name: 'LDAP', ok: true, state: 'on' });
  expect(checks).toContainEqual({ name: 'mail', ok: true, state: 'off' });
  expect(checks).toContainEqual({ name: 'observer', ok: true, state: 'off' });
  const alive = await fetch(`${shown[0]}/livez`);
  expect([alive.status, await alive.json()]).toEqual([200, { alive: true }]);
});

it('catches up by itself when the directory is back, and issuance went on meanwhile', async () => {
  await stage.slapd.halt();
  const missed = [await issue(), await issue()];
  await until(() => workers.some((worker) => worker.log().includes('the directory is away')));
  await until(async () => (await statesOfLdap()).includes('away'));
  expect((await Promise.all(shown.map((at) => ask(at)))).map(({ ready }) => ready)).toEqual([true, true]);
  await stage.slapd.resume();
  for (const name of missed) await until(() => isThere(name));
  await until(async () => (await directoryLag(stage.system)).rows === 0);
  await until(async () => !(await statesOfLdap()).includes('away'));
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
