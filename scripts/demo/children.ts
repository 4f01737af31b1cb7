// The demo's own processes: the roles of the service and single calls of igc. All of them end with the demo, killed or not.

import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { endChild, ended, spawnBound } from '../process.ts';
import { type Environment, ROOT } from './place.ts';

const MAIN = join(ROOT, 'src', 'main.ts');
const IGC = join(ROOT, 'scripts', 'igc.ts');
/** Compiled code is kept in the checkout: a dozen processes start with the same modules. */
const CACHE = { NODE_COMPILE_CACHE: join(ROOT, 'var', 'compile-cache') };
const GRACE_MS = 10_000;

const running = new Set<ChildProcess>();
let ending = false;
let reportEnd: (error: Error) => void = () => undefined;

/** Rejects when a role ends that nobody asked to. */
export const roleEnded: Promise<never> = new Promise((_, reject) => {
  reportEnd = reject;
});
roleEnded.catch(() => undefined);

type Output = 'pipe' | number;

function start(args: readonly string[], environment: Environment, stdout: Output, stderr: Output): ChildProcess {
  if (ending) throw new Error('the demo is ending');
  const env = { ...process.env, ...CACHE, ...environment };
  const child = spawnBound(process.execPath, args, { env, stdio: ['ignore', stdout, stderr] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Starts a role, with its log in `<folder>/<role>.log`. */
export function startRole(role: string, environment: Environment, folder: string): void {
  const file = join(folder, `${role.replace(' ', '-')}.log`);
  const log = openSync(file, 'w', 0o600);
  const child = start([MAIN, ...role.split(' ')], environment, log, log);
  closeSync(log);
  child.once('exit', (code, signal) => {
    if (ending) return;
    const last = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-3).join('\n  ');
    reportEnd(new Error(`the role ${role} ended by itself (${signal ?? code}); the end of ${file}:\n  ${last}`));
  });
}

/** Runs `igc` and gives what it says on stdout; throws with what it said on stderr when it does not end with 0. */
export async function igc(environment: Environment, ...args: readonly string[]): Promise<string> {
  const child = start([IGC, ...args], environment, 'pipe', 'pipe');
  if (child.stdout === null || child.stderr === null) throw new Error('igc was started without pipes');
  const [status, stdout, stderr] = await Promise.all([ended(child), text(child.stdout), text(child.stderr)]);
  if (status === 0) return stdout;
  const said = stderr.trimEnd().split('\n').slice(-6).join('\n  ');
  throw new Error(`scripts/igc ${args.slice(0, 2).join(' ')} ended with ${status}: ${said}`);
}

/** Ends whatever runs, and lets nothing more be started. What does not end in ten seconds is killed. */
export async function endChildren(): Promise<void> {
  ending = true;
  await Promise.all(
    [...running].map(async (child) => {
      const killer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await endChild(child);
      clearTimeout(killer);
    }),
  );
}
