// All roles on one machine, for development and the demo: one uid, so no isolation between them. Each child ends with this
// process however it ends, and one that dies is started again with back-off.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import { namesOnePort } from '../metrics/open.ts';
import { EXIT } from './exit.ts';
import type { RunningRole } from './role.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SIGNERS = [
  ['signer', 'issuing'],
  ['signer', 'ocsp'],
] as const;
const CALLERS = [['worker'], ['api'], ['public']] as const;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A child that lived this long is taken as healthy: its back-off begins anew. */
const HEALTHY_MS = 10_000;
/** Above the time that a server gives its last requests. */
const KILL_AFTER_MS = 25_000;

/**
 * Starts the five children; `stop` sends the callers SIGTERM, then the signers, without which no request under way could be
 * answered, and kills what does not end. A child that refuses its configuration will never start: then all of them end.
 */
export function startAll(config: Config, log: Log): RunningRole {
  refuseOnePort(config);
  log.warn('all roles run as one user: there is no isolation between them; deploy each role by itself');
  const refused = Promise.withResolvers<number>();
  const keep = (role: readonly string[]): RunningRole => keepAlive(role, { log, giveUp: refused.resolve });
  const signers = SIGNERS.map(keep);
  const callers = CALLERS.map(keep);
  return {
    failed: refused.promise,
    async stop() {
      await Promise.all(callers.map((child) => child.stop()));
      await Promise.all(signers.map((child) => child.stop()));
    },
  };
}

/** Five roles cannot listen on one port: a host alone gives each its own. Throws Refusal `configuration_invalid`. */
function refuseOnePort({ METRICS_LISTEN: listen }: Config): void {
  if (listen === undefined || !namesOnePort(listen)) return;
  throw new Refusal('configuration_invalid', 'METRICS_LISTEN names one port for five roles', [
    {
      rule: 'each role has a listener of its own',
      at: 'METRICS_LISTEN',
      detail: 'under `all` it is a host alone',
      remedy: 'leave the port away: each role then listens on its own (docs/metrics.md)',
    },
  ]);
}

type Keeper = { readonly log: Log; readonly giveUp: (exitCode: number) => void };

function keepAlive(role: readonly string[], { log, giveUp }: Keeper): RunningRole {
  let stopping = false;
  let child: ChildProcess;
  let timer: NodeJS.Timeout | undefined;
  let delay = FIRST_DELAY_MS;

  const ended = (code: number | null, signal: string | null, startedAt: number): void => {
    if (stopping) return;
    if (code === EXIT.configuration || code === EXIT.usage) {
      giveUp(code);
      return;
    }
    if (performance.now() - startedAt > HEALTHY_MS) delay = FIRST_DELAY_MS;
    log.warn({ child: role.join(' '), code, signal, delay }, 'a role ended and is started again');
    timer = setTimeout(start, delay);
    delay = Math.min(2 * delay, LONGEST_DELAY_MS);
  };
  const start = (): void => {
    const startedAt = performance.now();
    // The IPC channel is the leash: main.ts ends a child whose parent is gone. Its own group keeps Ctrl-C for the parent.
    child = fork(MAIN, role, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    // A machine without room for one more process (EAGAIN, ENOMEM) makes none: then no `exit` follows.
    child.once('error', () => {
      if (child.pid === undefined) ended(null, null, startedAt);
    });
    child.once('exit', (code, signal) => ended(code, signal, startedAt));
  };
  start();

  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await ended;
      clearTimeout(killer);
    },
  };
}
