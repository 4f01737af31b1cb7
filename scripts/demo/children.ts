// The demo's own processes: the roles of the service and single calls of igc. All of them end with the demo.

import { type ChildProcess, execFile, fork } from 'node:child_process';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const IGC = fileURLToPath(new URL('../igc.ts', import.meta.url));

export type Environment = Readonly<Record<string, string>>;
export type Child = { stop(): Promise<void>; readonly ended: Promise<number | null> };

/** Starts a role with its log in a file; the IPC channel ends it when the demo is gone, killed or not. */
export function startRole(role: readonly string[], environment: Environment, logFile: string): Child {
  const log = openSync(logFile, 'a', 0o600);
  const child: ChildProcess = fork(MAIN, role, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Runs `igc`; throws with the end of what it said on stderr when it does not end with 0. */
export async function igc(environment: Environment, ...args: readonly string[]): Promise<void> {
  try {
    await run(process.execPath, [IGC, ...args], {
      env: { ...process.env, ...environment },
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`igc ${args.slice(0, 2).join(' ')} failed: ${said.split('\n').slice(-6).join('\n  ')}`);
  }
}
