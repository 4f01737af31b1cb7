// All roles on one machine, for development and the demo: one uid, so no isolation between them. Each child ends with this
// process however it ends, and one that dies is started again with back-off.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Log } from '../log.ts';
import type { RunningRole } from './role.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const ROLES = [['signer', 'issuing'], ['signer', 'ocsp'], ['worker'], ['api'], ['public']] as const;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A child that lived this long is taken as healthy: its back-off begins anew. */
const HEALTHY_MS = 10_000;
const KILL_AFTER_MS = 15_000;

/** Starts the five children; `stop` sends each SIGTERM, waits, and kills what does not end. */
export function startAll(log: Log): RunningRole {
  log.warn('all roles run as one user: there is no isolation between them; deploy each role by itself');
  const children = ROLES.map((role) => keepAlive(role, log));
  return {
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}

function keepAlive(role: readonly string[], log: Log): RunningRole {
  let stopping = false;
  let child: ChildProcess;
  let timer: NodeJS.Timeout | undefined;
  let delay = FIRST_DELAY_MS;

  const start = (): void => {
    const startedAt = performance.now();
    // The IPC channel is the leash: main.ts ends a child whose parent is gone. Its own group keeps Ctrl-C for the parent.
    child = fork(MAIN, role, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    child.once('exit', (code, signal) => {
      if (stopping) return;
      if (performance.now() - startedAt > HEALTHY_MS) delay = FIRST_DELAY_MS;
      log.warn({ role: role.join(' '), code, signal, delay }, 'a role ended and is started again');
      timer = setTimeout(start, delay);
      delay = Math.min(2 * delay, LONGEST_DELAY_MS);
    });
  };
  start();

  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await ended;
      clearTimeout(killer);
    },
  };
}
