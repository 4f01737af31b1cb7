// Runs the demo as `npm run demo` does, in a folder of the test's own that already holds a hierarchy, so that no RSA-4096 key is made.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnBound } from '../../scripts/process.ts';
import { sharedHierarchy } from '../helpers/hierarchy.ts';
import { keepFiles, keepOutput, keepPins } from '../helpers/run-log.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');

export type Demo = {
  readonly directory: string;
  /** everything that it has written on stdout so far */
  stdout(): string;
  /** SIGKILL to the demo's own process and no other */
  kill(): void;
  readonly ended: Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>;
};

/** A new DEMO_DIRECTORY whose `state` is what a first run leaves there. */
export async function demoDirectory(): Promise<string> {
  const shared = await sharedHierarchy();
  // the space is on purpose
  const directory = mkdtempSync(join(tmpdir(), 'igc demo-'));
  const state = join(directory, 'state');
  mkdirSync(state);
  cpSync(shared.tokens, join(state, 'tokens'), { recursive: true });
  cpSync(shared.directory, join(state, 'hierarchy'), { recursive: true });
  cpSync(join(shared.root, 'pins'), state, { recursive: true });
  return directory;
}

/** Starts `scripts/demo.ts` with these options. */
export function startDemo(directory: string, ...options: readonly string[]): Demo {
  const child = spawnBound(process.execPath, ['scripts/demo.ts', ...options], {
    cwd: CHECKOUT,
    env: { ...process.env, DEMO_DIRECTORY: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  keepOutput(child, 'demo', [child.stderr]);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  const ended = new Promise<Awaited<Demo['ended']>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...said }));
  });
  return { directory, stdout: () => said.stdout, kill: () => child.kill('SIGKILL'), ended };
}

/** The temporary folder of the last run in this directory. */
export const temporaryFolderOf = (directory: string): string =>
  readFileSync(join(directory, 'state', 'temporary-folder'), 'utf8').trim();

/**
 * What runs of a demo, by the marks that its processes bear: DEMO_DIRECTORY in the environment, or the temporary folder in the
 * command line. Only Linux shows the environment; elsewhere the temporary folder, which goes with the last process, must do.
 */
export function processesOf(directory: string): readonly string[] {
  if (!existsSync('/proc/self/environ')) return existsSync(temporaryFolderOf(directory)) ? ['somebody'] : [];
  const folder = temporaryFolderOf(directory);
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    const environment = read(`/proc/${pid}/environ`).split('\0');
    return environment.includes(`DEMO_DIRECTORY=${directory}`) || read(`/proc/${pid}/cmdline`).includes(folder);
  });
}

/** Empty for a process that has ended in the meantime, or waits for its burial. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Removes what a test made; the logs of its roles are kept for the end of the run. */
export function removeDirectory(directory: string): void {
  keepPins(join(directory, 'state', '*.pin'));
  keepFiles(join(directory, 'log', '*.log'), 'role-of-demo');
  rmSync(directory, { recursive: true, force: true });
}
