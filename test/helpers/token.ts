// SoftHSM tokens in a temporary folder, opensc's spy between a process and its token, and p11-kit's server as a token in a process
// of its own that can be stopped and killed. PINs here protect nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initToken } from '#hsm/ceremony.ts';
import { keepSecrets } from './run-log.ts';

export type TokenName = 'root' | 'issuing' | 'ocsp';

export const labelOf = (name: TokenName): string => `igc-sante-${name}`;
export const pinOf = (name: TokenName): string => `pin-${name}-4711`;

const PROGRAMS = {
  PKCS11_MODULE: 'apt-get install softhsm2',
  PKCS11_SPY: 'apt-get install opensc',
  PKCS11_REMOTE: 'apt-get install p11-kit-modules (p11-kit-client.so)',
  P11_KIT_SERVER: 'apt-get install p11-kit (/usr/libexec/p11-kit/p11-kit-server)',
} as const;

/** The path that set-up found for a module or program; throws with the command that installs it. */
export function installed(name: keyof typeof PROGRAMS): string {
  const path = process.env[name];
  if (path === undefined || path === '') throw new Error(`${name} is not set: ${PROGRAMS[name]}`);
  return path;
}

export type TestTokens = {
  readonly folder: string;
  /** what a process needs in its environment to reach them */
  readonly environment: { readonly SOFTHSM2_CONF: string };
  readonly module: string;
  /** Writes a PIN, the right one unless told, into a file of its own and gives its path. */
  pinFile(name: TokenName, pin?: string): string;
  remove(): void;
};

/** Makes the named tokens; this process uses them too, so that a test file makes them once. */
export function createTokens(names: readonly TokenName[]): TestTokens {
  const folder = mkdtempSync(join(tmpdir(), 'igc-hsm-'));
  const configuration = join(folder, 'softhsm2.conf');
  mkdirSync(join(folder, 'tokens'));
  writeFileSync(
    configuration,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  process.env.SOFTHSM2_CONF = configuration;
  const module = installed('PKCS11_MODULE');
  for (const name of names) initToken({ module, label: labelOf(name), soPin: 'so-pin-4711', pin: pinOf(name) });
  let files = 0;
  return {
    folder,
    environment: { SOFTHSM2_CONF: configuration },
    module,
    pinFile(name, pin = pinOf(name)) {
      files += 1;
      const path = join(folder, `${name}-${files}.pin`);
      writeFileSync(path, `${pin}\n`, { mode: 0o600 });
      keepSecrets(pin);
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export type Spy = {
  readonly module: string;
  readonly environment: { readonly PKCS11SPY: string; readonly PKCS11SPY_OUTPUT: string };
  /** names of the PKCS#11 functions called so far, in their order */
  calls(): string[];
};

/** Puts opensc's spy before `module`; it writes down every call, PINs included. */
export function spyOn(module: string, log: string): Spy {
  writeFileSync(log, '');
  return {
    module: installed('PKCS11_SPY'),
    environment: { PKCS11SPY: module, PKCS11SPY_OUTPUT: log },
    calls: () => [...readFileSync(log, 'latin1').matchAll(/^\d+: (C_\w+)$/gm)].map(([, name = '']) => name),
  };
}

export type RemoteToken = {
  readonly module: string;
  readonly environment: { readonly P11_KIT_SERVER_ADDRESS: string };
  start(): Promise<void>;
  /** Freezes the token: every call into it hangs until `resume`. */
  freeze(): void;
  resume(): void;
  /** Ends the token's process; `start` brings it back with nobody logged in. */
  kill(): Promise<void>;
};

/** The tokens of a folder behind a socket, served by a process group of its own. */
export function serveRemotely(tokens: Pick<TestTokens, 'folder' | 'environment' | 'module'>): RemoteToken {
  const socket = join(tokens.folder, 'p11-kit.sock');
  let server: ChildProcess | undefined;
  const signal = (name: NodeJS.Signals): void => {
    // p11-kit forks a process for each client, hence the group
    if (server?.pid !== undefined) process.kill(-server.pid, name);
  };
  return {
    module: installed('PKCS11_REMOTE'),
    environment: { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}` },
    async start() {
      rmSync(socket, { force: true });
      const started = spawn(installed('P11_KIT_SERVER'), ['-f', '-n', socket, '--provider', tokens.module, 'pkcs11:'], {
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, ...tokens.environment },
      });
      server = started;
      await new Promise((resolve, reject) => {
        started.stdout.once('data', resolve);
        started.once('error', reject);
      });
    },
    freeze: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async kill() {
      if (server === undefined) return;
      const ended = new Promise((resolve) => server?.once('exit', resolve));
      signal('SIGKILL');
      await ended;
      server = undefined;
    },
  };
}
