// What each role must reach to be of use; /readyz shows it, without details that would help an attacker.

import type { Database } from '#db/connect.ts';
import type { Signer } from '#hsm/client.ts';
import type { StatusIndex } from '../ocsp/status.ts';
import type { System } from '../system.ts';

export type Readiness = {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean }[];
};

type Check = readonly [name: string, probe: () => Promise<boolean> | boolean];

async function readinessOf(checks: readonly Check[]): Promise<Readiness> {
  const results = await Promise.all(
    checks.map(async ([name, probe]) => {
      try {
        return { name, ok: await probe() };
      } catch {
        return { name, ok: false };
      }
    }),
  );
  return { ready: results.every(({ ok }) => ok), checks: results };
}

const database = (db: Database) => async (): Promise<boolean> => {
  await db.ping();
  return true;
};

const signer = (client: Signer) => async (): Promise<boolean> => (await client.health()).ready;

const clock = (now: () => Date) => (): boolean => now() instanceof Date;

export const apiReadiness = (system: System): Promise<Readiness> =>
  readinessOf([
    ['database', database(system.db)],
    ['clock', clock(system.clock)],
    ['issuing token', signer(system.issuing)],
  ]);

export const publicReadiness = (system: System, status: StatusIndex): Promise<Readiness> =>
  readinessOf([
    ['database', database(system.db)],
    ['clock', clock(system.clock)],
    ['status feed', () => status.isFresh(performance.now())],
    ['OCSP token', signer(system.ocsp)],
  ]);
