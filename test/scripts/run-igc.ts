// Runs igc: as an operator does, in a process of its own with nothing in its environment but what the test names; or in this
// process, which takes a tenth of the time, for commands that open no token here.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { vi } from 'vitest';
import { run } from '../../scripts/commands/run.ts';
import { keepOutput } from '../helpers/run-log.ts';
import { SURROUNDINGS } from '../helpers/surroundings.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');

export type Ran = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** the lines of stdout, each read as JSON */
  json(): Record<string, unknown>[];
};

export type RunningIgc = { readonly pid: number; readonly ended: Promise<Ran>; kill(): void };

/** Starts igc; for tests that kill it. */
export function startIgc(environment: Readonly<Record<string, string>>, args: readonly string[]): RunningIgc {
  const child = spawn(process.execPath, ['scripts/igc.ts', ...args], {
    cwd: CHECKOUT,
    env: { ...SURROUNDINGS, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  keepOutput(child, `igc ${args[0]}`, [child.stderr]);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(ranOf(code, stdout, stderr)));
  });
  return { pid: child.pid ?? 0, ended, kill: () => child.kill('SIGKILL') };
}

/** Runs igc to its end. */
export const runIgc = (environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> =>
  startIgc(environment, args).ended;

/** Runs igc in this process. */
export async function runHere(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      text[stream] += chunk;
      return true;
    }),
  );
  const before = process.env;
  process.env = { ...environment };
  try {
    return ranOf(await run(args), text.stdout, text.stderr);
  } finally {
    process.env = before;
    for (const spy of spies) spy.mockRestore();
  }
}

const ranOf = (code: number | null, stdout: string, stderr: string): Ran => ({
  code,
  stdout,
  stderr,
  json: () =>
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
});
