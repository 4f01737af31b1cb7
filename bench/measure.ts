// Runs a generator of load in a process of its own, and looks at everybody's processor time when its window begins and ends.

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ended, spawnBound } from '../scripts/process.ts';
import { type ProcessTimes, readProcesses } from './cpu.ts';
import type { Answered, LoadEvent } from './load.ts';

type Generator = 'order-load' | 'signer-load' | 'raw-signature';
type Environment = Readonly<Record<string, string>>;

export type Task = { readonly generator: Generator; readonly input: object; readonly environment?: Environment };

/** What a window saw, and the processes of the machine at its two ends; times are microseconds of the monotonic clock. */
export type Measured = Answered & {
  readonly generator: number;
  readonly began: number;
  readonly ended: number;
  readonly before: readonly ProcessTimes[];
  readonly after: readonly ProcessTimes[];
};

/** Runs bench/<generator>-main.ts with `input` on stdin and answers the objects it prints, each told to `heard` as it comes. */
export async function runGenerator<T>(task: Task, heard: (line: T, pid: number) => void): Promise<void> {
  const child = spawnBound(process.execPath, [join(import.meta.dirname, `${task.generator}-main.ts`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...task.environment },
  });
  const { stdin, stdout, pid = 0 } = child;
  if (stdin === null || stdout === null) throw new Error(`${task.generator} was started without pipes`);
  // it ended before it had read: its exit status says more
  stdin.on('error', () => undefined);
  stdin.end(JSON.stringify(task.input));
  createInterface({ input: stdout }).on('line', (line) => heard(JSON.parse(line), pid));
  const status = await ended(child);
  if (status !== 0) throw new Error(`bench/${task.generator}-main.ts ended with ${status}`);
}

/** Runs a generator through its window. */
export async function measure(task: Task): Promise<Measured> {
  let begin: Pick<Measured, 'began' | 'before' | 'generator'> | undefined;
  let measured: Measured | undefined;
  await runGenerator<LoadEvent>(task, (line, pid) => {
    if (line.event === 'begin') begin = { began: line.at, before: readProcesses(), generator: pid };
    else if (begin !== undefined) measured = { ...begin, ...line, ended: line.at, after: readProcesses() };
  });
  if (measured === undefined || measured.answers === 0)
    throw new Error(`${task.generator} got no answer in its window`);
  return measured;
}
