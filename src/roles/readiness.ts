// What each role must reach to be of use; /readyz shows it, without details that would help an attacker.

import { countOpenAlarms } from '#db/alarms.ts';
import type { Database } from '#db/connect.ts';
import type { Signer } from '#hsm/client.ts';
import type { AlarmKind } from '../alarms/raise.ts';
import type { Config } from '../config.ts';
import type { Observer } from '../observer/observe.ts';
import type { StatusIndex } from '../ocsp/status.ts';
import type { Needs } from '../system.ts';

/** `state`: in a few words, where there is more to say than yes or no. */
type Finding = { readonly name: string; readonly ok: boolean; readonly state?: string };

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

/** What a worker knows of itself that the database does not. */
export type WorkerParts = {
  readonly lastLook: Observer['lastLook'];
  /** whether the last thing that this copy said to the directory got no answer */
  readonly directoryIsAway: () => boolean;
};

type WorkerNeeds = Needs<'db' | 'clock' | 'config' | 'issuing' | 'ocsp'>;

/** A worker is of use with its database alone: without a token, a directory or a mail server it does everything else. */
export const workerReadiness = (system: WorkerNeeds, parts: WorkerParts): Promise<Readiness> =>
  readinessOf([
    database(system.db),
    clock(system.clock),
    degraded(signer('issuing', system.issuing)),
    degraded(signer('OCSP', system.ocsp)),
    outside(system, parts),
  ]);

async function degraded(check: Promise<Check>): Promise<Check> {
  const { findings, degraded = [] } = await check;
  return { findings: [], degraded: [...findings, ...degraded] };
}

async function outside({ db, config }: WorkerNeeds, { lastLook, directoryIsAway }: WorkerParts): Promise<Check> {
  const open = await countOpenAlarms(db.read).catch(() => undefined);
  /** what the alarms know of a part that is on */
  const told = (name: string, kind: AlarmKind, otherwise: string): Finding =>
    open === undefined
      ? { name, ok: false, state: 'unknown' }
      : open.has(kind)
        ? { name, ok: false, state: otherwise }
        : { name, ok: true, state: 'on' };
  const ldap = directoryIsAway()
    ? { name: 'LDAP', ok: false, state: 'away' }
    : told('LDAP', 'directory_behind', 'behind');
  return {
    findings: [],
    degraded: [
      observing(config, lastLook),
      config.LDAP_URL === undefined ? off('LDAP') : ldap,
      config.SMTP_URL === undefined ? off('mail') : told('mail', 'mail_away', 'away'),
    ],
  };
}

const off = (name: string): Finding => ({ name, ok: true, state: 'off' });

/** Another copy may be the one that looks. */
function observing({ OBSERVER_URL, OBSERVER_LDAP_URL }: Config, { at, wrong }: Observer['lastLook']): Finding {
  const name = 'observer';
  if (OBSERVER_URL === undefined && OBSERVER_LDAP_URL === undefined) return off(name);
  if (at === undefined || wrong === undefined) return { name, ok: true, state: 'this copy has not looked' };
  const found = `${wrong.http} findings over HTTP, ${wrong.ldap} in LDAP`;
  return { name, ok: wrong.http + wrong.ldap === 0, state: `looked at ${at.toISOString()}: ${found}` };
}
