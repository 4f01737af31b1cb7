// A Node process of its own that uses the scripts, so that a test can end it as roughly as it likes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = join(import.meta.dirname, '../..');

const PRELUDE = `
import { spawnBound, ended, endChild } from './scripts/process.ts';
import { temporaryFolder, removeTemporaryFolder } from './scripts/temporary.ts';
import { startCluster } from './scripts/cluster.ts';
const tell = (value) => console.log(JSON.stringify(value));
const stay = () => setInterval(() => {}, 1_000_000);
`;

export type Parent<T> = {
  /** the first thing that the code told */
  readonly told: T;
  readonly process: ChildProcess;
  /** the signal by which it ended, or its exit status */
  readonly end: Promise<NodeJS.Signals | number>;
};

/** Runs `code`, which has the scripts' functions at hand, and resolves with the first value it passes to `tell`. */
export async function startParent<T>(code: string, env: NodeJS.ProcessEnv = {}): Promise<Parent<T>> {
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', PRELUDE + code], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = once(parent, 'exit').then(([status, signal]) => signal ?? status);
  const line = once(createInterface({ input: parent.stdout }), 'line');
  const first = await Promise.race([line, end.then((status) => Promise.reject(new Error(`it ended with ${status}`)))]);
  return { told: JSON.parse(String(first[0])), process: parent, end };
}

/** Waits until `condition` holds; the test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

/** Whether a process runs; one that has ended and waits for its burial does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const status = `/proc/${pid}/status`;
    return !existsSync(status) || !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
  } catch {
    return false;
  }
}
