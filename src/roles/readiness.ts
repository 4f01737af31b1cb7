// What each role must reach to be of use; /readyz shows it, without details that would help an attacker.

import type { Database } from '#db/connect.ts';
import type { Signer } from '#hsm/client.ts';
import type { StatusIndex } from '../ocsp/status.ts';
import type { Needs } from '../system.ts';

type Finding = { readonly name: string; readonly ok: boolean };

export type Readiness = { readonly ready: boolean; readonly checks: readonly Finding[] };

/** `degraded` is shown and does not make the role unready: what still works goes on being served. */
type Check = { readonly findings: readonly Finding[]; readonly degraded?: readonly Finding[] };

async function readinessOf(probes: readonly Promise<Check>[]): Promise<Readiness> {
  const results = await Promise.all(probes);
  const findings = results.flatMap((check) => check.findings);
  const degraded = results.flatMap((check) => check.degraded ?? []);
  return { ready: findings.every(({ ok }) => ok), checks: [...findings, ...degraded] };
}

async function one(name: string, probe: () => Promise<boolean> | boolean): Promise<Check> {
  try {
    return { findings: [{ name, ok: await probe() }] };
  } catch {
    return { findings: [{ name, ok: false }] };
  }
}

const database = (db: Database): Promise<Check> =>
  one('database', async () => {
    await db.ping();
    return true;
  });

/**
 * A token that is open may lack the key of one authority, or have a session taken by a call that hangs: the other authorities and
 * sessions still sign, so it stays ready, and both are shown.
 */
async function signer(token: string, client: Signer): Promise<Check> {
  try {
    const { ready, missingKeys, hung = 0 } = await client.health();
    const degraded = [
      { name: `keys in the ${token} token`, ok: missingKeys.length === 0 },
      { name: `calls to the ${token} token`, ok: hung === 0 },
    ];
    return { findings: [{ name: `${token} token`, ok: ready }], degraded };
  } catch {
    return { findings: [{ name: `${token} token`, ok: false }] };
  }
}

const clock = (now: () => Date): Promise<Check> => one('clock', () => now() instanceof Date);

export const apiReadiness = (system: Needs<'db' | 'clock' | 'issuing'>): Promise<Readiness> =>
  readinessOf([database(system.db), clock(system.clock), signer('issuing', system.issuing)]);

export const publicReadiness = (system: Needs<'db' | 'clock' | 'ocsp'>, status: StatusIndex): Promise<Readiness> =>
  readinessOf([
    database(system.db),
    clock(system.clock),
    one('status feed', () => status.isFresh(performance.now())),
    signer('OCSP', system.ocsp),
  ]);
