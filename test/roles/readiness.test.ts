// What /readyz says of a token that is open and yet not whole: shown, and no reason to send no more requests.

import { describe, expect, it } from 'vitest';
import type { SignerHealth } from '#hsm/client.ts';
import { apiReadiness, type WorkerParts, workerReadiness } from '../../src/roles/readiness.ts';
import type { System } from '../../src/system.ts';

const HEALTHY: SignerHealth = {
  ready: true,
  token: 'igc-sante-issuing',
  state: 'open',
  loggedIn: true,
  pinLatch: 'clear',
  missingKeys: [],
  breaker: 'closed',
  queued: 0,
  inFlight: 0,
  hung: 0,
};

/** Whether the role is ready, and the checks that are not ok. */
async function seen(health: () => Promise<SignerHealth>): Promise<unknown> {
  const parts: Pick<System, 'db' | 'clock' | 'issuing'> = {
    clock: () => new Date(),
    db: { ping: async () => undefined } as unknown as System['db'],
    issuing: { health } as unknown as System['issuing'],
  };
  const { ready, checks } = await apiReadiness(parts);
  return [ready, checks.filter(({ ok }) => !ok).map(({ name }) => name)];
}

it.each<[string, Partial<SignerHealth>, boolean, string[]]>([
  ['all is well', {}, true, []],
  ['the key of one authority is missing', { missingKeys: ['ACI-EL-PP-TEST'] }, true, ['keys in the issuing token']],
  ['one call hangs', { hung: 1, inFlight: 1 }, true, ['calls to the issuing token']],
  ['the token is away', { ready: false, state: 'away' }, false, ['issuing token']],
])('%s', async (_, change, ready, failing) => {
  expect(await seen(async () => ({ ...HEALTHY, ...change }))).toEqual([ready, failing]);
});

it('a signer that does not count hung calls yet is ready', async () => {
  const { hung, ...older } = HEALTHY;
  expect(hung).toBe(0);
  expect(await seen(async () => older)).toEqual([true, []]);
});

it('a signer that does not answer is not ready, and nothing is said of its keys', async () => {
  expect(await seen(() => Promise.reject(new Error('no socket')))).toEqual([false, ['issuing token']]);
});

describe('a worker', () => {
  type World = {
    readonly config?: Partial<System['config']>;
    readonly open?: readonly string[];
    readonly parts?: Partial<WorkerParts>;
    readonly health?: () => Promise<SignerHealth>;
  };
  /** Whether it is ready, and what it says of each part but its clock and its database. */
  async function said({ config = {}, open = [], parts = {}, health = async () => HEALTHY }: World): Promise<unknown> {
    const rows = open.map((kind) => ({ kind, open: 1 }));
    const groupBy = async () => rows;
    const read = { select: () => ({ from: () => ({ where: () => ({ groupBy }) }) }) };
    const system = {
      clock: () => new Date(),
      config,
      db: { ping: async () => undefined, read },
      issuing: { health },
      ocsp: { health },
    } as unknown as Pick<System, 'db' | 'clock' | 'config' | 'issuing' | 'ocsp'>;
    const known = { lastLook: {}, directoryIsAway: () => false, ...parts };
    const { ready, checks } = await workerReadiness(system, known);
    const names = ['observer', 'LDAP', 'mail'];
    const shown = names.map((name) => checks.find((check) => check.name === name));
    return [ready, ...shown.map((check) => `${check?.ok ? '' : 'not '}ok: ${check?.state}`)];
  }
  const ON = { OBSERVER_URL: 'http://a', LDAP_URL: 'ldap://a', SMTP_URL: 'smtp://a' };
  const at = new Date('2026-11-29T10:00:00Z');

  it.each<[string, World, readonly string[]]>([
    ['without any of them says that they are off', {}, ['ok: off', 'ok: off', 'ok: off']],
    ['with all of them', { config: ON }, ['ok: this copy has not looked', 'ok: on', 'ok: on']],
    [
      'whose directory does not answer',
      { config: ON, parts: { directoryIsAway: () => true } },
      ['ok: this copy has not looked', 'not ok: away', 'ok: on'],
    ],
    [
      'whose directory and mails are late',
      { config: ON, open: ['directory_behind', 'mail_away'] },
      ['ok: this copy has not looked', 'not ok: behind', 'not ok: away'],
    ],
    [
      'that found something wrong',
      { config: ON, parts: { lastLook: { at, wrong: { http: 1, ldap: 2 } } } },
      ['not ok: looked at 2026-11-29T10:00:00.000Z: 1 findings over HTTP, 2 in LDAP', 'ok: on', 'ok: on'],
    ],
    ['without its tokens', { health: () => Promise.reject(new Error('away')) }, ['ok: off', 'ok: off', 'ok: off']],
  ])('%s is ready', async (_, world, states) => {
    expect(await said(world)).toEqual([true, ...states]);
  });
});
