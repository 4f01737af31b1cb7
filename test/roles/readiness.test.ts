// What /readyz says of a token that is open and yet not whole: shown, and no reason to send no more requests.

import { expect, it } from 'vitest';
import type { SignerHealth } from '#hsm/client.ts';
import { apiReadiness } from '../../src/roles/readiness.ts';
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
