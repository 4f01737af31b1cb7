// The roles as processes: what they say of themselves, how they end, and how `all` keeps them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { System } from '../../src/system.ts';
import { type Answer, type ApiClient, createApiClient, fetchPublic } from '../helpers/api-client.ts';
import {
  csrPem,
  DURAND,
  HOSPITAL,
  issueCard,
  makeAdministrator,
  recordStructures,
  serverCsr,
  writeApiCertificate,
} from '../helpers/cast.ts';
import { childrenOf, type Listed, listProcesses } from '../helpers/processes.ts';
import { prepareService, type RunningRole, type Service, until, untilReady } from '../helpers/service.ts';

let service: Service;
let operator: System;
let api: ApiClient;

beforeAll(async () => {
  service = await prepareService();
  const signer = service.start('signer issuing');
  operator = await service.open('operator');
  await untilReady(operator.issuing);
  await recordStructures(operator);
  await writeApiCertificate(operator, service);
  await makeAdministrator(operator, DURAND, [HOSPITAL]);
  api = createApiClient(service, await issueCard(operator, DURAND));
  expect(await signer.stop()).toBe(0);
});

afterAll(() => service?.stop());

const order = (): Promise<Answer> => {
  const csr = csrPem(serverCsr('www.hopital-generique.fr'));
  return api.order({ profile: 'serv-ssl', holder: { structure: HOSPITAL.structIdNat }, csr });
};
const publicAnswer = (path: string): Promise<Answer> => fetchPublic(service, `http://igc.demo.igc-sante.fr${path}`);
type Ready = { readonly ready: boolean; readonly checks: readonly { readonly name: string; readonly ok: boolean }[] };
const readiness = (answer: Answer) => {
  const { ready, checks } = answer.json<Ready>();
  return [answer.statusCode, ready, checks.filter(({ ok }) => !ok).map(({ name }) => name)];
};

async function rowsSigning(): Promise<number> {
  const { rows } = await operator.db.read.execute("select 1 from certificate where state = 'signing'");
  return rows.length;
}

/** An order that the api has taken and that waits for its signature: the signer is frozen. */
async function orderInFlight(freeze: (signal: NodeJS.Signals) => void): Promise<{ readonly answer: Promise<Answer> }> {
  const before = await rowsSigning();
  freeze('SIGSTOP');
  const answer = order();
  await until(async () => (await rowsSigning()) > before);
  return { answer };
}

describe('a role by itself', { timeout: 60_000 }, () => {
  it('says that it lives, and which part it misses', async () => {
    const roles = [service.start('api'), service.start('public')];
    await until(async () => (await api.call('GET', '/livez')).statusCode === 200);
    await until(async () => (await publicAnswer('/livez')).statusCode === 200);
    expect(readiness(await api.call('GET', '/readyz'))).toEqual([503, false, ['issuing token']]);
    expect(readiness(await publicAnswer('/readyz'))).toEqual([503, false, ['OCSP token']]);
    const signers = [service.start('signer issuing'), service.start('signer ocsp')];
    await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
    await until(async () => (await publicAnswer('/readyz')).statusCode === 200);
    expect(readiness(await api.call('GET', '/readyz', { credential: undefined }))).toEqual([200, true, []]);
    for (const role of [...roles, ...signers]) expect(await role.stop()).toBe(0);
  });

  it('opens no debugger when somebody asks for one by signal', async () => {
    const signer = service.start('signer ocsp');
    await until(async () => signer.log().includes('"state":"open"'));
    signer.signal('SIGUSR1');
    await until(async () => signer.log().includes('SIGUSR1 does nothing here'));
    expect(signer.log()).not.toContain('Debugger listening');
    expect(await signer.stop()).toBe(0);
  });

  it('that drains gives the request under way its answer, takes no new one, and ends with 0', async () => {
    const signer = service.start('signer issuing');
    const role = service.start('api');
    await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
    const { answer } = await orderInFlight(signer.signal);
    const ended = role.stop();
    await until(() => role.log().includes('draining'));
    await until(() => refused());
    signer.signal('SIGCONT');
    expect((await await answer).statusCode).toBe(201);
    expect(await ended).toBe(0);
    await signer.stop();
  });

  it('that is asked twice, seconds apart, ends at once and leaves its row to recovery', async () => {
    const signer = service.start('signer issuing');
    const role = service.start('api');
    await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
    const { answer } = await orderInFlight(signer.signal);
    const end = answer.catch(() => 'no answer');
    role.signal('SIGTERM');
    await until(() => role.log().includes('draining'));
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await role.stop()).toBe(1);
    expect(await end).toBe('no answer');
    expect(await rowsSigning()).toBe(1);
    await signer.kill();
  });
});

/** Nobody listens any more. */
const refused = (): Promise<boolean> =>
  api.call('GET', '/livez').then(
    () => false,
    (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED',
  );

describe('all of them', { timeout: 60_000 }, () => {
  let all: RunningRole;
  const ROLES = ['api', 'public', 'signer issuing', 'signer ocsp', 'worker'];
  const roleOf = ({ command }: Listed): string => command.replace(/^.*main\.ts /, '');

  async function startAll(): Promise<readonly Listed[]> {
    all = service.start('all');
    await until(async () => (await publicAnswer('/readyz')).statusCode === 200);
    await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
    const children = await childrenOf(all.pid);
    expect(children.map(roleOf).sort()).toEqual(ROLES);
    return children;
  }
  /** Never answers 0 or nothing: a signal to those would reach this very process. */
  async function pidOf(role: string): Promise<number> {
    const pid = (await childrenOf(all.pid)).find((child) => roleOf(child) === role)?.pid;
    if (pid === undefined) throw new Error(`${role} is not running`);
    return pid;
  }
  const stillThere = async (children: readonly Listed[]): Promise<readonly Listed[]> => {
    const pids = new Set((await listProcesses()).map(({ pid }) => pid));
    return children.filter(({ pid }) => pids.has(pid));
  };

  it('a child that is killed is started again, and the others go on', async () => {
    const children = await startAll();
    const before = { public: await pidOf('public'), signer: await pidOf('signer issuing'), api: await pidOf('api') };
    process.kill(before.public, 'SIGKILL');
    process.kill(before.signer, 'SIGKILL');
    await until(async () => (await pidOf('public')) !== before.public);
    await until(async () => (await publicAnswer('/readyz')).statusCode === 200);
    await until(async () => (await order()).statusCode === 201);
    expect(await pidOf('api')).toBe(before.api);
    expect(await childrenOf(all.pid)).toHaveLength(children.length);
  });

  it('SIGTERM drains callers before signers: the request under way gets its certificate', async () => {
    const children = await childrenOf(all.pid);
    const signer = await pidOf('signer issuing');
    const { answer } = await orderInFlight((signal) => process.kill(signer, signal));
    const ended = all.stop();
    await until(() => refused());
    process.kill(signer, 'SIGCONT');
    expect((await await answer).statusCode).toBe(201);
    expect(await ended).toBe(0);
    expect(await stillThere(children)).toEqual([]);
  });

  it('SIGKILL of the parent ends every child', async () => {
    const children = await startAll();
    await all.kill();
    await until(async () => (await stillThere(children)).length === 0);
  });
});
