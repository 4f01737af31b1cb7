// Children that never outlive their parent, however the parent ends: nothing that the demo or a test run starts is left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import { sweeperPipe } from './temporary.ts';

export type BoundOptions = {
  readonly cwd?: string;
  /** the whole environment of the child; default: ours */
  readonly env?: NodeJS.ProcessEnv;
  /** stdin, stdout and stderr, as in child_process; default: nothing, ours, ours */
  readonly stdio?: readonly ['ignore' | 'pipe', Output, Output];
  /** the account to run as; only root may change it */
  readonly account?: { readonly uid: number; readonly gid: number };
  /** what asks the child to end when the parent is gone; default SIGTERM */
  readonly endSignal?: 'SIGTERM' | 'SIGINT' | 'SIGQUIT';
  /** how long the child may take to end after that, before it and its process group are killed; default 10 */
  readonly graceSeconds?: number;
};
type Output = 'ignore' | 'pipe' | 'inherit' | number;

// The shell forks a watcher and then becomes the command, so the child has the pid, the exit status and the streams of the command
// itself. File descriptor 3 is a pipe whose other end only the parent holds: its end means that the parent is gone; the line `done`
// that the child has ended. 4 keeps the temporary folder until then. The watcher is in the child's process group, so that the
// group's number cannot be given to a stranger while it waits. An ended child that nobody buries (State Z) has ended.
const WATCH_AND_BECOME = `
signal=$1 tenths=$2
shift 2
(
  trap '' HUP INT TERM QUIT
  read -r word <&3 && exit
  kill -s "$signal" $$
  while [ "$tenths" -gt 0 ] && kill -0 $$ && ! grep -qs '^State:.Z' /proc/$$/status; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -s KILL -- -$$
) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&- 4>&-`;

/**
 * Starts a command that ends when this process ends: orderly, by an uncaught error, or by SIGKILL. The child needs no code for it,
 * a Node process as little as PostgreSQL. It has a process group of its own, so that Ctrl-C in the terminal reaches the parent
 * alone, which then ends its children in the order it wants. `pid`, `kill`, the exit event and the streams are the command's own.
 * A command that cannot be found ends with status 127.
 */
export function spawnBound(command: string, args: readonly string[], options: BoundOptions = {}): ChildProcess {
  const {
    cwd,
    env,
    account,
    stdio = ['ignore', 'inherit', 'inherit'],
    endSignal = 'SIGTERM',
    graceSeconds = 10,
  } = options;
  const watcher = [endSignal.slice('SIG'.length), String(graceSeconds * 10)];
  const child = spawn('sh', ['-c', WATCH_AND_BECOME, 'sh', ...watcher, command, ...args], {
    detached: true,
    stdio: [...stdio, 'pipe', sweeperPipe() ?? 'ignore'],
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env }),
    ...account,
  });
  const pipe = child.stdio[3];
  if (!(pipe instanceof Writable)) throw new Error(`${command} was started without a pipe`);
  // the watcher may be gone already, when somebody killed the whole group
  pipe.on('error', () => undefined);
  child.once('exit', () => pipe.end('done\n'));
  return child;
}

/** Resolves when the child has ended, at once if it already has: its exit status, or the signal that ended it. */
export function ended(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(child.signalCode);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 0));
  });
}

/** Asks the child to end, and waits until it has. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const end = ended(child);
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  await end;
}
