// A private PostgreSQL for a demo or a test run: in the temporary folder, reached through a Unix socket only, ended with its parent.
// Where DATABASE_URL names a server, that one is used instead, in a database of its own that is dropped at the end.
import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '#db/connect.ts';
import { endChild, ended, spawnBound } from './process.ts';
import { everyoneMayPass, temporaryFolder } from './temporary.ts';

export type Cluster = {
  /** for node-postgres and libpq alike; the database is empty, and its owner may create others */
  readonly url: string;
  /** the folder that holds `data`, `postgres.log` and the socket; empty when the server is somebody else's */
  readonly directory: string;
  /** ends every connection and the server, and removes what was made for it; may be called twice */
  stop(): Promise<void>;
};

export type ClusterOptions = {
  /** false: no flush to disk ever, so a power cut loses all; three times as fast, for tests */
  readonly durable: boolean;
  /**
   * where `data` is to be, or is from an earlier run; it stays at the end. Default: a new folder inside the temporary one.
   * For root it must be a folder that the account `postgres` (or `nobody`) can reach. At most 80 bytes, for the socket.
   */
  readonly directory?: string;
};

/** As root the server runs as this account, for PostgreSQL refuses root; for everybody else there is none. */
type Account = { readonly uid: number; readonly gid: number };

const START_DEADLINE_MS = 30_000;

/** Starts PostgreSQL (about a second) and resolves when it takes connections. Fails with the end of its log. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const given = process.env.DATABASE_URL;
  return given ? useServer(given) : startServer(options);
}

// A run that is killed leaves its database behind on somebody else's server; the name tells whose it was.
async function useServer(server: string): Promise<Cluster> {
  const name = `igc_run_${randomBytes(6).toString('hex')}`;
  await administer(server, `create database ${name}`);
  // the form with an empty host is PostgreSQL's own; URL wants one, and the parameter `host` overrides it
  const url = new URL(server.replace('@/', '@localhost/'));
  url.pathname = `/${name}`;
  let dropped: Promise<void> | undefined;
  return {
    url: url.href,
    directory: '',
    stop: () => {
      dropped ??= administer(server, `drop database if exists ${name} with (force)`);
      return dropped;
    },
  };
}

async function administer(server: string, statement: string): Promise<void> {
  const database = openDatabase(server, { applicationName: 'igc cluster', max: 1 });
  try {
    await database.read.execute(statement);
  } finally {
    await database.close();
  }
}

async function startServer({ durable, directory: kept }: ClusterOptions): Promise<Cluster> {
  const account = process.getuid?.() === 0 ? lesserAccount() : undefined;
  const directory = kept ?? mkdtempSync(join(temporaryFolder(), 'postgres-'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (account !== undefined) chownSync(directory, account.uid, account.gid);
  const binaries = reachableBinaries(account);
  const log = openSync(join(directory, 'postgres.log'), 'w', 0o600);
  const run = (name: string, args: readonly string[]) =>
    spawnBound(join(binaries, name), args, {
      cwd: directory,
      // nothing of ours but the way to its libraries: PGHOST, PGDATA and the like would change what it does
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', log, log],
      // a fast shutdown: connections are ended, not waited for
      endSignal: 'SIGINT',
      graceSeconds: 30,
      ...(account !== undefined && { account }),
    });
  try {
    if (!existsSync(join(directory, 'data', 'PG_VERSION'))) await makeData(run, directory);
    const server = run('postgres', ['-D', 'data', ...settings(directory, durable)]);
    await untilReady(server, directory);
    return {
      url: `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(directory)}`,
      directory,
      stop: async () => {
        await endChild(server, 'SIGINT');
        if (kept === undefined) await rm(directory, { recursive: true, force: true });
      },
    };
  } finally {
    closeSync(log);
  }
}

/** Trust is no risk here: only the server's own account and root can reach the socket. */
async function makeData(run: (name: string, args: readonly string[]) => ChildProcess, directory: string) {
  const options = ['--encoding=UTF8', '--locale=C', '--username=postgres', '--auth=trust', '--no-sync'];
  const status = await ended(run('initdb', ['-D', 'data', ...options]));
  if (status !== 0) throw new Error(`initdb failed (${status}):\n${endOfLog(directory)}`);
}

function settings(directory: string, durable: boolean): string[] {
  const wanted = {
    listen_addresses: '',
    unix_socket_directories: directory,
    unix_socket_permissions: '0700',
    max_connections: '200',
    ...(!durable && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(wanted).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The server writes its state to the eighth line of its pid file, as pg_ctl reads it. */
async function untilReady(server: ChildProcess, directory: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!isReady(server, directory)) {
    const status = server.signalCode ?? server.exitCode;
    if (status !== null) throw new Error(`PostgreSQL ended at its start (${status}):\n${endOfLog(directory)}`);
    if (Date.now() > deadline) throw new Error(`PostgreSQL does not get ready:\n${endOfLog(directory)}`);
    await sleep(10);
  }
}

function isReady(server: ChildProcess, directory: string): boolean {
  try {
    const lines = readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8').split('\n');
    // a file of another pid is what an earlier server left
    return lines[0] === String(server.pid) && lines[7]?.trim() === 'ready';
  } catch {
    return false; // not written yet
  }
}

function endOfLog(directory: string): string {
  return readFileSync(join(directory, 'postgres.log'), 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}

function lesserAccount(): Account {
  const number = (option: '-u' | '-g', name: string) =>
    Number(execFileSync('id', [option, name], { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }));
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: number('-u', name), gid: number('-g', name) };
    } catch {
      // no such account: the next one
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`');
}

/** Set-up says where they are; without it (an editor that runs a test) Debian's newest. */
function installedBinaries(): string {
  if (process.env.POSTGRES_BIN) return process.env.POSTGRES_BIN;
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(debian, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
  if (found === undefined) throw new Error('PostgreSQL is not set up: run this through an npm script');
  return found;
}

/** Binaries in a checkout of root's that nobody else may enter are copied to where the server's account can read them. */
function reachableBinaries(account: Account | undefined): string {
  const bin = installedBinaries();
  if (account === undefined || everyoneMayPass(bin)) return bin;
  const copy = join(temporaryFolder(), 'postgresql');
  if (!existsSync(copy)) {
    execFileSync('cp', ['-R', dirname(bin), copy]);
    execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, copy]);
  }
  return join(copy, 'bin');
}
