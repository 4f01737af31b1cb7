// Where the demo works: one folder that one demo at a time may use, and the addresses and files that its processes are told.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../temporary.ts';

export const ROOT = join(import.meta.dirname, '..', '..');

/** What the roles and igc find in their environment. */
export type Environment = Readonly<Record<string, string>>;

/** The folders of the demo's results, which a new run empties. `mine` is for those who try the printed commands. */
const RESULTS = ['ca', 'requests', 'keys', 'certificates', 'crl', 'ocsp', 'mail', 'tls', 'mine', 'log'];
/** A killed demo's processes have this long to end: PostgreSQL's grace and a little more. */
const LAST_RUN_MS = 40_000;

/**
 * Claims the folder for this process, and waits until what a killed run left behind has ended. The lock is one that the system
 * takes back when its process ends in whatever manner: SQLite's, on an empty file.
 */
export async function claim(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  mkdirSync(join(directory, 'state'), { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(join(directory, 'state', 'lock'));
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)
      throw new Error(`another demo is running in ${directory}; end it, or set DEMO_DIRECTORY to another folder`);
    throw error;
  }
  // never closed: the collector must not take it, so something that lives as long as the process holds it
  process.once('exit', () => lock.close());
  await untilLastRunIsGone(join(directory, 'state', 'temporary-folder'));
}
const SQLITE_BUSY = 5;

/** The temporary folder of a run is removed when the last of its processes has ended. */
async function untilLastRunIsGone(note: string): Promise<void> {
  const giveUp = performance.now() + LAST_RUN_MS;
  const last = existsSync(note) ? readFileSync(note, 'utf8').trim() : '';
  while (last !== '' && existsSync(last) && performance.now() < giveUp) await sleep(100);
  writeFileSync(note, `${temporaryFolder()}\n`);
}

/** Empties the folder but for `state`: hierarchy and tokens, which a second run keeps. */
export function clear(directory: string): void {
  for (const name of RESULTS) {
    rmSync(join(directory, name), { recursive: true, force: true });
    mkdirSync(join(directory, name), { mode: PRIVATE.has(name) ? 0o700 : 0o755 });
  }
  rmSync(join(directory, 'summary.json'), { force: true });
}
const PRIVATE: ReadonlySet<string> = new Set(['keys', 'tls', 'mine', 'log']);

/** Whether an earlier run's ceremony got to the last of the authorities. */
export function hasHierarchy(directory: string): boolean {
  const folder = join(directory, 'state', 'hierarchy');
  const certificates = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.cer')) : [];
  return certificates.length === AUTHORITIES;
}
const AUTHORITIES = 9;

/**
 * The environment of the demo's processes. Sockets are in the temporary folder, because their paths must be short. Ports are those
 * that people expect where people are to use them, if they are free; without `serve` any will do, so that demos do not meet.
 */
export async function describePlace(
  directory: string,
  { databaseUrl, serve }: { databaseUrl: string; serve: boolean },
): Promise<Environment> {
  const state = join(directory, 'state');
  for (const folder of ['tokens', 'hierarchy', 'signer'])
    mkdirSync(join(state, folder), { recursive: true, mode: 0o700 });
  const softhsm = join(state, 'softhsm2.conf');
  writeFileSync(
    softhsm,
    `directories.tokendir = ${join(state, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  const [apiPort, publicPort] = [await freePort(serve ? 8443 : 0), await freePort(serve ? 8080 : 0)];
  return {
    DATABASE_URL: databaseUrl,
    SOFTHSM2_CONF: softhsm,
    PKCS11_MODULE: process.env.PKCS11_MODULE ?? '',
    HIERARCHY_DIRECTORY: join(state, 'hierarchy'),
    ROOT_PIN_FILE: join(state, 'root.pin'),
    ISSUING_PIN_FILE: join(state, 'issuing.pin'),
    OCSP_PIN_FILE: join(state, 'ocsp.pin'),
    SIGNER_STATE: join(state, 'signer'),
    SIGNER_SOCKETS: join(temporaryFolder(), 's'),
    API_LISTEN: `127.0.0.1:${apiPort}`,
    PUBLIC_LISTEN: `127.0.0.1:${publicPort}`,
    API_TLS_KEY_FILE: join(directory, 'tls', 'api.key'),
    API_TLS_CERTIFICATE_FILE: join(directory, 'tls', 'api.pem'),
  };
}

/** A port that is free now; the preferred one if it is. */
export async function freePort(preferred: number): Promise<number> {
  return tryPort(preferred).catch(() => tryPort(0));
}

function tryPort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(address !== null && typeof address === 'object' ? address.port : port));
    });
  });
}
