// The whole service as separate processes on a copy of the shared hierarchy and a database of its own: what a test starts,
// stops, freezes and kills from outside, exactly as an operator could. Use cases can also be called in this process, through the
// same database and the same signers.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAuthority } from '../../src/authority.ts';
import { openJournal } from '../../src/ca/ceremony-journal.ts';
import { recordHierarchy } from '../../src/ca/record-hierarchy.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type CallerRole, openSystem } from '../../src/open-system.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import type { System } from '../../src/system.ts';
import { createClock, type TestClock } from './clock.ts';
import { type FreshDatabase, freshDatabase } from './database.ts';
import { copyHierarchy, type HierarchyCopy } from './hierarchy.ts';
import { keepOutput } from './run-log.ts';
import { SURROUNDINGS } from './surroundings.ts';
import { type Spy, spyOn } from './token.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
/** A signer that signs in less than its deadline leaves the test room for slower machines. */
const SIGNING_DEADLINE_MS = 5_000;

export type RoleName = 'signer issuing' | 'signer ocsp' | 'worker' | 'api' | 'public' | 'all';
type Environment = Readonly<Record<string, string>>;

export type RunningRole = {
  readonly pid: number;
  /** everything that the role has written on stderr so far */
  log(): string;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits for the end */
  stop(): Promise<number | null>;
  /** SIGKILL, and waits for the end */
  kill(): Promise<void>;
  /** the exit code, once it has ended by itself */
  readonly ended: Promise<number | null>;
};

export type Service = {
  readonly hierarchy: HierarchyCopy;
  readonly database: FreshDatabase;
  readonly directory: string;
  readonly environment: Environment;
  readonly apiPort: number;
  readonly publicPort: number;
  /** PKCS#11 calls to the issuing token, when asked for */
  readonly spy: Spy | undefined;
  /** the clock of in-process Systems, and of signers started by `startTimed` */
  readonly clock: TestClock;
  /** starts one more process of a role */
  start(role: RoleName, environment?: Environment): RunningRole;
  /** the same, of the program in another checkout */
  startFrom(checkout: string, role: RoleName, environment?: Environment): RunningRole;
  /** starts a signer that lives by `clock` */
  startTimed(token: 'issuing' | 'ocsp'): RunningRole;
  /** a System in this process that calls through the sockets of `role` and lives by `clock` */
  open(role: CallerRole, environment?: Environment): Promise<System>;
  /** runs igc; rejects with what it said when it does not end with 0 */
  igc(...args: readonly string[]): Promise<string>;
  /** ends every process, drops the database, removes the folder */
  stop(): Promise<void>;
};

export type ServiceOptions = {
  readonly spy?: boolean;
  readonly environment?: Environment;
  /** instead of a fresh one on the run's own server */
  readonly database?: FreshDatabase;
};

/**
 * A hierarchy, a database that knows it, and nothing running yet. The roots have no CRL: `igc('hierarchy', 'create')`, which is
 * safe to repeat, makes them.
 */
export async function prepareService(options: ServiceOptions = {}): Promise<Service> {
  const hierarchy = await copyHierarchy();
  const database = options.database ?? (await freshDatabase());
  await recordCopy(hierarchy, database);
  const [apiPort, publicPort] = [await freePort(), await freePort()];
  const directory = join(hierarchy.root, 'service');
  mkdirSync(directory, { recursive: true });
  const spy = options.spy === true ? spyOn(hierarchy.module, join(directory, 'spy.log')) : undefined;
  const environment = {
    ...environmentOf({ hierarchy, database, directory, apiPort, publicPort }),
    ...options.environment,
  };
  const clock = createClock(join(directory, 'clock'));
  const running: RunningRole[] = [];
  const opened: { close(): Promise<void> }[] = [];
  const run = (main: readonly string[], more: Environment, checkout = CHECKOUT): RunningRole => {
    const through =
      spy !== undefined && main.includes('issuing') ? { ...spy.environment, PKCS11_MODULE: spy.module } : {};
    const started = startProcess(main, { ...environment, ...through, ...more }, checkout);
    running.push(started);
    return started;
  };
  return {
    ...{ hierarchy, database, directory, environment, apiPort, publicPort, spy, clock },
    start: (role, more = {}) => run(['src/main.ts', ...role.split(' ')], more),
    startFrom: (checkout, role, more = {}) => run(['src/main.ts', ...role.split(' ')], more, checkout),
    startTimed: (token) => run(['test/helpers/timed-signer-main.ts', token, clock.file], {}),
    async open(role, more = {}) {
      const config = loadConfig({ ...environment, LOG_LEVEL: 'silent', ...more });
      const system = await openSystem(config, { role, log: createLog(config, role) });
      opened.push(system);
      return { ...system, clock: clock.now };
    },
    igc: (...args) => runIgc(environment, args),
    async stop() {
      await Promise.all(opened.map((system) => system.close()));
      await Promise.all(running.map((role) => role.kill()));
      await database.drop();
      hierarchy.remove();
    },
  };
}

type Places = Pick<Service, 'hierarchy' | 'database' | 'directory' | 'apiPort' | 'publicPort'>;

const environmentOf = ({ hierarchy, database, directory, apiPort, publicPort }: Places): Environment => ({
  ...SURROUNDINGS,
  ...hierarchy.environment,
  DATABASE_URL: database.url,
  SIGNER_SOCKETS: join(hierarchy.root, 's'),
  API_LISTEN: `127.0.0.1:${apiPort}`,
  PUBLIC_LISTEN: `127.0.0.1:${publicPort}`,
  API_TLS_KEY_FILE: join(directory, 'api.key'),
  API_TLS_CERTIFICATE_FILE: join(directory, 'api.pem'),
  SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS),
});

/** What `igc hierarchy create` tells a new database of a hierarchy that is there already; without a second process. */
async function recordCopy({ directory }: HierarchyCopy, { db }: FreshDatabase): Promise<void> {
  const { hierarchy } = loadPolicies(join(CHECKOUT, 'policies'), 'test');
  const authorities = hierarchy.authorities.map(({ id, kind, issuer }) =>
    readAuthority({ id, kind, issuer, certificate: readFileSync(join(directory, `${id}.cer`)) }),
  );
  const clock = (): Date => new Date();
  const journal = openJournal(join(directory, 'ceremony.ndjson'), { operator: 'test', clock });
  try {
    const actor = { kind: 'operator', id: 'test' } as const;
    await recordHierarchy({ db, clock, hierarchy, actor }, { authorities, journal });
  } finally {
    journal.close();
  }
}

/** The IPC channel ends the process when this one is gone; main.ts watches it. */
function startProcess(main: readonly string[], environment: Environment, checkout: string): RunningRole {
  const child: ChildProcess = spawn(process.execPath, main, {
    cwd: checkout,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // what is no role of main.ts has lines of its own
  const name = main[0] === 'src/main.ts' ? 'role' : 'test';
  keepOutput(child, `${name} ${main.slice(1, 3).join(' ')}`, [child.stdout, child.stderr]);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    ended,
    log: () => said,
    signal: (signal) => {
      child.kill(signal);
    },
    async stop() {
      if (isRunning()) child.kill('SIGTERM');
      return ended;
    },
    async kill() {
      if (isRunning()) child.kill('SIGKILL');
      await ended;
    },
  };
}

function runIgc(environment: Environment, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(CHECKOUT, 'scripts/igc.ts'), ...args], {
      cwd: CHECKOUT,
      env: environment,
    });
    let stdout = '';
    let stderr = '';
    keepOutput(child, `igc ${args[0]}`, [child.stderr]);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`igc ${args.join(' ')} ended with ${code}: ${stderr}`));
    });
  });
}

/** Below the ports that systems give to outgoing connections: one that is free now is not taken before the role listens on it. */
const PORTS = { from: 12_000, to: 32_000 };

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const port = randomInt(PORTS.from, PORTS.to);
  const probe = createServer();
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
  return free ? port : freePort();
}

/** When a wait is given up: long enough for a machine that does ten other things, and before vitest leaves the wait behind. */
const GIVE_UP_MS = 25_000;
/** The same for what has only to start. */
const GIVE_UP_STARTING_MS = 55_000;

/** Tries until `holds` answers true; a fault counts as not yet. Throws the last fault, or that it never held. */
export async function until(holds: () => Promise<boolean> | boolean, giveUpMs = GIVE_UP_MS): Promise<void> {
  const giveUpAt = performance.now() + giveUpMs;
  let fault: unknown;
  while (performance.now() < giveUpAt) {
    try {
      if (await holds()) return;
    } catch (error) {
      fault = error;
    }
    await sleep(50);
  }
  throw new Error(`still not so after ${giveUpMs / 1_000} seconds: ${holds}`, { cause: fault });
}

/** Waits until the signer behind a System's socket is ready to sign. */
export const untilReady = (signer: System['issuing']): Promise<void> =>
  until(async () => (await signer.health()).ready, GIVE_UP_STARTING_MS);

/** Waits until the process that listens on a port says that it is ready. */
export const untilListening = (url: string): Promise<void> =>
  until(async () => (await fetch(`${url}/readyz`)).status === 200, GIVE_UP_STARTING_MS);
