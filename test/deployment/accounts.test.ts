// The units of deploy/systemd, started as they are written, each under an account of its own: they make one authority together, and
// none of them reaches what is another's. Only root can be several accounts; for everybody else the tests are those that one
// account can make true, and their names say so.

import { chownSync, copyFileSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchPublic } from '../helpers/api-client.ts';
import { type Login, newOrder, settleIn } from '../helpers/faults.ts';
import { prepareService, type Service, until, untilListening } from '../helpers/service.ts';
import { handOver, IS_ROOT, layOutMachine, type Machine, machineFolder, type RunningUnit } from './machine.ts';
import { accountNames, folderRules, UNITS } from './systemd.ts';

const ACCOUNTS = IS_ROOT ? 'five accounts' : 'one account, since this is not root';
const SOCKETS = folderRules().filter(({ path }) => /^\/run\/igc-sante\/sockets\/\w+\/\w+$/.test(path));
const SECRETS = '/run/credentials';

let service: Service;
let machine: Machine;
let login: Login;
const running = new Map<string, RunningUnit>();

beforeAll(async () => {
  const root = machineFolder();
  service = await prepareService({ environment: { SIGNER_SOCKETS: join(root, 'run/igc-sante/sockets') } });
  machine = await layOutMachine(root, service);
  for (const name of ['signer-issuing', 'signer-ocsp']) running.set(name, machine.start(name));
  login = await settleIn(service);
  placeTlsFiles();
  for (const name of ['worker', 'public', 'api']) running.set(name, machine.start(name));
  await untilListening(`http://127.0.0.1:${service.publicPort}`);
  await until(async () => (await login().get('/readyz'))?.statusCode === 200);
}, 120_000);

afterAll(async () => {
  await machine?.remove();
  await service?.stop();
});

/** What an operator issued for the API, given to its account. */
function placeTlsFiles(): void {
  const { API_TLS_KEY_FILE = '', API_TLS_CERTIFICATE_FILE = '' } = service.environment;
  for (const [from, name] of [
    [API_TLS_KEY_FILE, 'api.key'],
    [API_TLS_CERTIFICATE_FILE, 'api.pem'],
  ] as const) {
    const to = machine.at(`/var/lib/igc-sante/api/${name}`);
    copyFileSync(from, to);
    if (IS_ROOT) chownSync(to, machine.uidOf('igc-api'), machine.uidOf('igc-api'));
  }
}

describe(`the units, as ${ACCOUNTS}`, { timeout: 60_000 }, () => {
  it('issue a certificate and publish the list of its authority', async () => {
    const answer = await login().order(newOrder());
    expect(answer?.statusCode, answer?.body.toString()).toBe(201);
    await until(async () => {
      const list = await fetchPublic(service, 'http://igc.demo.igc-sante.fr/CRL/ACI-EL-ORG-TEST.crl');
      return list.statusCode === 200;
    });
  });

  it('answer the health checks of the containers with 0, and another role’s with 1', async () => {
    const check = (unit: string, ...role: string[]) => machine.statusOf(unit, 'deploy/healthcheck.ts', ...role);
    expect(await check('api', 'api')).toBe(0);
    expect(await check('public', 'public')).toBe(0);
    expect(await check('signer-issuing', 'signer', 'issuing')).toBe(0);
    expect(await check('signer-ocsp', 'signer', 'ocsp')).toBe(0);
    expect(await check('worker', 'worker')).toBe(1);
  });

  it('have the socket folders and sockets that tmpfiles.d describes', () => {
    for (const { path, mode, user, group } of SOCKETS) {
      const folder = lstatSync(machine.at(path));
      const socket = lstatSync(machine.at(`${path}/signer.sock`));
      const groups = IS_ROOT ? [machine.uidOf(group), machine.uidOf(group)] : [folder.gid, folder.gid];
      expect([path, folder.mode & 0o7777, socket.mode & 0o7777]).toEqual([path, mode, 0o660]);
      expect([path, folder.gid, socket.gid, folder.uid]).toEqual([path, ...groups, machine.uidOf(user)]);
    }
  });

  it('give the tokens back to a ceremony, and each to its signer again', async () => {
    const state = machine.at('/var/lib/igc-sante');
    for (const name of ['signer-issuing', 'signer-ocsp']) expect(await running.get(name)?.stop()).toBe(0);
    handOver(state, 'gather');
    expect(readdirSync(join(state, 'root/tokens'))).toHaveLength(3);
    expect(() => handOver(state, 'gather')).toThrow(/both hold the token igc-sante-issuing/);
    handOver(state, 'hand-out');
    expect(readdirSync(join(state, 'root/tokens'))).toHaveLength(1);
    for (const name of ['signer-issuing', 'signer-ocsp']) running.set(name, machine.start(name));
    await until(async () => (await login().order(newOrder()))?.statusCode === 201);
  });
});

/** What an account can do to each path; errno of the refusal otherwise. */
function attempts(account: string): Record<string, string> {
  const paths = {
    connect: SOCKETS.map(({ path }) => machine.at(`${path}/signer.sock`)),
    read: UNITS.flatMap((unit) =>
      (machine.units.get(unit)?.credentials ?? []).map(([id]) => machine.at(`${SECRETS}/${unit}/${id}`)),
    ),
    list: ['root', 'issuing', 'ocsp'].map((token) => machine.at(`/var/lib/igc-sante/${token}/tokens`)),
  };
  const script = `
    const fs = require('node:fs'), net = require('node:net');
    const paths = ${JSON.stringify(paths)}, found = {};
    const attempt = (path, act) => { try { act(path); found[path] = 'yes'; } catch (error) { found[path] = error.code; } };
    for (const path of paths.read) attempt(path, fs.readFileSync);
    for (const path of paths.list) attempt(path, fs.readdirSync);
    let left = paths.connect.length;
    const note = (path, text, socket) => { found[path] ??= text; socket.destroy(); if (--left === 0) console.log(JSON.stringify(found)); };
    for (const path of paths.connect) {
      const socket = net.connect(path);
      socket.once('connect', () => note(path, 'yes', socket)).once('error', (error) => note(path, error.code, socket));
    }`;
  const found = machine.runAs(account, script) as Record<string, string>;
  return Object.fromEntries(Object.entries(found).map(([path, answer]) => [path.slice(machine.root.length), answer]));
}

/** Which of the paths an account is for: the sockets of its group and its own, its credentials, its token. */
function rightful(account: string): string[] {
  const sockets = SOCKETS.filter(({ user, group }) => user === account || group === account);
  const unit = UNITS.find((name) => machine.units.get(name)?.account === account) ?? '';
  const credentials = machine.units.get(unit)?.credentials ?? [];
  const token = /^igc-signer-(\w+)$/.exec(account)?.[1];
  return [
    ...sockets.map(({ path }) => `${path}/signer.sock`),
    ...credentials.map(([id]) => `${SECRETS}/${unit}/${id}`),
    ...(token === undefined ? [] : [`/var/lib/igc-sante/${token}/tokens`]),
  ];
}

describe(IS_ROOT ? 'an account of its own' : 'one account, since this is not root', () => {
  it.each(accountNames())(
    IS_ROOT ? '%s reaches its sockets, secrets and token, and nothing of another’s' : '%s: everything is open to it',
    (account) => {
      const found = attempts(account);
      const reached = Object.keys(found).filter((path) => found[path] === 'yes');
      if (!IS_ROOT) return expect(new Set(Object.values(found))).toEqual(new Set(['yes']));
      expect(reached.sort()).toEqual(rightful(account).sort());
      expect(new Set(Object.values(found))).toEqual(new Set(['yes', 'EACCES']));
    },
  );
});
