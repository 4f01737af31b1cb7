// A machine laid out as deploy/systemd says, in a folder: the same accounts, folders, modes, secrets and commands, with another
// place for `/`. As root every account is a uid of its own; for everybody else all of them are one, and nothing is isolated.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { everyoneMayPass } from '../../scripts/temporary.ts';
import { type CommitProxy, openCommitProxy } from '../helpers/commit-proxy.ts';
import type { Service } from '../helpers/service.ts';
import { accountNames, folderRules, readUnit, UNITS, type Unit } from './systemd.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
export const IS_ROOT = process.getuid?.() === 0;
/** Above the accounts of people and packages; nobody on the machine has these. */
const FIRST_UID = 61_001;

export type Machine = {
  /** what stands for `/` */
  readonly root: string;
  readonly units: ReadonlyMap<string, Unit>;
  /** a path of the deployment, where it is here */
  at(path: string): string;
  uidOf(account: string): number;
  /** Starts what the unit starts, as its account, with nothing but its environment. */
  start(unit: string): RunningUnit;
  /** Runs JavaScript as an account and answers what it prints, as JSON. */
  runAs(account: string, script: string): unknown;
  /** Runs a command of the deployment in a unit's environment, as its account; answers its exit status. */
  statusOf(unit: string, ...command: readonly string[]): Promise<number | null>;
  remove(): Promise<void>;
};

export type RunningUnit = { log(): string; stop(): Promise<number | null> };

/** The folder of a machine to be, short enough for sockets and open to every account on its way. */
export function machineFolder(): string {
  const folder = mkdtempSync(join(IS_ROOT && !everyoneMayPass(tmpdir()) ? '/tmp' : tmpdir(), 'igc-m-'));
  chmodSync(folder, 0o711);
  return folder;
}

/**
 * Lays the machine out in `root` for the hierarchy and the database of a prepared service: accounts, folders, secrets, tokens handed
 * over, the program in /opt/igc-sante. `ports` stand in the place of those that the units name.
 */
export async function layOutMachine(root: string, service: Service): Promise<Machine> {
  const at = (path: string): string => (path.startsWith('/usr/') ? path : join(root, path));
  const uids = new Map(accountNames().map((name, index) => [name, FIRST_UID + index]));
  const uidOf = (account: string): number => (IS_ROOT ? (uids.get(account) ?? 0) : (process.getuid?.() ?? 0));
  const units = new Map(UNITS.map((name) => [name, readUnit(name)]));
  const base = { root, at, uidOf, units };
  makeFolders(base);
  install(at('/opt/igc-sante'));
  const proxy = await openDatabaseFor(root, service);
  placeSecrets(base, service, proxy?.url ?? service.database.url);
  placeHierarchy(base, service);
  const running: ChildProcess[] = [];
  return {
    ...base,
    start(name) {
      const unit = unitOf(units, name);
      const child = spawn(at(unit.command[0] ?? ''), unit.command.slice(1), {
        ...processOf(base, unit, service),
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      running.push(child);
      return watch(child);
    },
    runAs(account, script) {
      const uid = uidOf(account);
      const identity = IS_ROOT ? { uid, gid: uid } : {};
      const node = at('/opt/igc-sante/node/bin/node');
      return JSON.parse(execFileSync(node, ['-e', script], { ...identity, cwd: root, env: {}, encoding: 'utf8' }));
    },
    statusOf(name, ...command) {
      const node = at('/opt/igc-sante/node/bin/node');
      const child = spawn(node, command, { ...processOf(base, unitOf(units, name), service), stdio: 'ignore' });
      return new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    },
    async remove() {
      await Promise.all(running.map((child) => watch(child).stop('SIGKILL')));
      proxy?.close();
      // folders of credentials are closed to their owner too
      execFileSync('chmod', ['-R', 'u+rwX', root]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

type Base = Pick<Machine, 'root' | 'at' | 'uidOf' | 'units'>;

function unitOf(units: Base['units'], name: string): Unit {
  const unit = units.get(name);
  if (unit === undefined) throw new Error(`there is no unit ${name}`);
  return unit;
}

/** The paths of the deployment inside a value, where they are here. */
const mapped = ({ at }: Pick<Base, 'at'>, value: string): string =>
  value.replace(/^\/(opt|etc|run|var)\//, (prefix) => `${at(prefix)}/`.replace(/\/+$/, '/'));

function processOf(base: Base, unit: Unit, { apiPort, publicPort, environment }: Service) {
  const uid = base.uidOf(unit.account);
  const credentials = base.at(`/run/credentials/${unit.name}`);
  const own = Object.entries(unit.environment).map(([name, value]) => [
    name,
    mapped(base, value.replaceAll('%d', credentials)),
  ]);
  return {
    ...(IS_ROOT ? { uid, gid: uid } : {}),
    cwd: mapped(base, unit.directory),
    env: {
      ...Object.fromEntries(own),
      // where Debian's module is not, set-up found another; and two tests must not share a port
      ...('PKCS11_MODULE' in unit.environment ? { PKCS11_MODULE: environment.PKCS11_MODULE } : {}),
      ...('API_LISTEN' in unit.environment ? { API_LISTEN: `127.0.0.1:${apiPort}` } : {}),
      ...('PUBLIC_LISTEN' in unit.environment ? { PUBLIC_LISTEN: `127.0.0.1:${publicPort}` } : {}),
    },
  };
}

function give(path: string, owner: number, group = owner): void {
  if (IS_ROOT) chownSync(path, owner, group);
}

/** What systemd-tmpfiles and StateDirectory= make. */
function makeFolders({ at, uidOf, units }: Base): void {
  for (const { path, mode, user, group } of folderRules()) {
    mkdirSync(at(path), { recursive: true });
    give(at(path), uidOf(user), uidOf(group));
    // after the owner: changing that takes set-group-ID away
    chmodSync(at(path), mode);
  }
  for (const { account, stateDirectory } of units.values()) {
    if (stateDirectory === undefined) continue;
    const path = at(join('/var/lib', stateDirectory));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    give(path, uidOf(account));
  }
}

/** What LoadCredential= makes, and the originals that only root reads. */
function placeSecrets({ at, uidOf, units }: Base, service: Service, databaseUrl: string): void {
  const { pinFiles } = service.hierarchy;
  for (const { name, account, credentials } of units.values()) {
    const folder = at(`/run/credentials/${name}`);
    mkdirSync(folder, { recursive: true });
    chmodSync(dirname(folder), 0o755);
    for (const [id, source] of credentials) {
      const token = (['issuing', 'ocsp'] as const).find((token) => source.includes(token));
      const content = token !== undefined ? readFileSync(pinFiles[token]) : `${databaseUrl}\n`;
      mkdirSync(dirname(at(source)), { recursive: true, mode: 0o700 });
      writeFileSync(at(source), content, { mode: 0o600 });
      writeFileSync(join(folder, id), content, { mode: 0o400 });
      give(join(folder, id), uidOf(account));
    }
    chmodSync(folder, 0o500);
    give(folder, uidOf(account));
  }
}

/** The certificates for everybody, SoftHSM's configuration, and each token to its signer by the script that does it in earnest. */
function placeHierarchy({ root, at }: Base, { hierarchy }: Service): void {
  for (const file of globSync('*.cer', { cwd: hierarchy.directory }))
    cpSync(join(hierarchy.directory, file), at(`/var/lib/igc-sante/hierarchy/${file}`));
  mkdirSync(at('/etc/igc-sante/softhsm2'), { recursive: true });
  chmodSync(at('/etc'), 0o755);
  chmodSync(at('/etc/igc-sante'), 0o755);
  for (const file of readdirSync(join(CHECKOUT, 'deploy/softhsm2'))) {
    const text = readFileSync(join(CHECKOUT, 'deploy/softhsm2', file), 'utf8');
    writeFileSync(at(`/etc/igc-sante/softhsm2/${file}`), text.replaceAll('= /var/', `= ${root}/var/`));
  }
  const room = at('/var/lib/igc-sante/root/tokens');
  mkdirSync(dirname(room), { mode: 0o700 });
  cpSync(hierarchy.tokens, room, { recursive: true });
  handOver(at('/var/lib/igc-sante'), 'hand-out');
}

/** Runs deploy/tokens.sh on a state folder. */
export const handOver = (state: string, act: 'gather' | 'hand-out'): void => {
  const env = { PATH: process.env.PATH, IGC_STATE: state };
  execFileSync('sh', [join(CHECKOUT, 'deploy/tokens.sh'), act], { env, stdio: 'pipe' });
};

/** The program as an operator installs it: no tests and no tools, readable by everybody, written by nobody. */
function install(directory: string): void {
  mkdirSync(join(directory, 'node/bin'), { recursive: true });
  for (const folder of ['src', 'db', 'hsm', 'policies', 'deploy'])
    cpSync(join(CHECKOUT, folder), join(directory, folder), { recursive: true });
  cpSync(join(CHECKOUT, 'package.json'), join(directory, 'package.json'));
  if (!IS_ROOT || everyoneMayPass(join(CHECKOUT, 'node_modules'))) {
    symlinkSync(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
  } else {
    execFileSync('cp', ['-R', join(CHECKOUT, 'node_modules'), join(directory, 'node_modules')]);
  }
  execFileSync('cp', [process.execPath, join(directory, 'node/bin', basename(process.execPath))]);
  execFileSync('chmod', ['-R', 'u+rwX,go=rX', '--', directory]);
}

/** The tests' own server listens where only its account enters: a way around that every account may take. */
async function openDatabaseFor(root: string, { database }: Service): Promise<CommitProxy | undefined> {
  const url = new URL(database.url);
  const folder = url.searchParams.get('host');
  if (folder === null || !folder.startsWith('/')) return undefined;
  const own = join(root, 'pg');
  const proxy = await openCommitProxy(own, folder);
  execFileSync('chmod', ['-R', 'a+rwX', own]);
  url.searchParams.set('host', own);
  return { ...proxy, url: url.href };
}

function watch(child: ChildProcess): RunningUnit & { stop(signal?: NodeJS.Signals): Promise<number | null> } {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    log: () => said,
    stop: (signal: NodeJS.Signals = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      child.kill(signal);
      return ended;
    },
  };
}
