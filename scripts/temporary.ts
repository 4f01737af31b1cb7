// The one temporary folder of a process: made when first asked for, and removed when the process ends in whatever manner, SIGKILL
// included, because a sweeper of two lines of sh waits for the end of a pipe that only the process and its bound children hold.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';

type Folder = { readonly path: string; readonly sweeper: ChildProcess; readonly pipe: Writable };
let folder: Folder | undefined;

// No signal of a terminal reaches it (it has a session of its own), and it lives until the last holder of the pipe is gone.
const SWEEPER = `trap '' HUP INT TERM; while read -r _; do :; done; exec rm -rf -- "$1"`;

// The path of a Unix socket ends at 107 bytes (103 on macOS); this much is left for a name below the folder.
const LONGEST = 60;

/**
 * The absolute path of this process's temporary folder. For root it is 0711, so that a process of a lesser account can reach a
 * folder of its own inside; for everybody else 0700. Short enough for Unix sockets two levels below.
 */
export function temporaryFolder(): string {
  folder ??= makeFolder();
  return folder.path;
}

/** The pipe that keeps the sweeper waiting, to be handed to children that use the folder; undefined when there is no folder. */
export function sweeperPipe(): Writable | undefined {
  return folder?.pipe;
}

/**
 * Removes the folder and resolves when it is gone, which is not before the last bound child has ended. Without this call it is
 * removed just after the end of the process.
 */
export async function removeTemporaryFolder(): Promise<void> {
  if (folder === undefined) return;
  const { sweeper, pipe } = folder;
  folder = undefined;
  sweeper.ref();
  const swept = once(sweeper, 'exit');
  pipe.destroy();
  await swept;
}

function makeFolder(): Folder {
  const path = mkdtempSync(join(parentFolder(), 'igc-sante-'));
  if (process.getuid?.() === 0) chmodSync(path, 0o711);
  const sweeper = spawn('sh', ['-c', SWEEPER, 'sh', path], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  sweeper.unref();
  return { path, sweeper, pipe: sweeper.stdin };
}

/** The system's temporary folder, unless its path is too long for sockets or another account could not pass through it. */
function parentFolder(): string {
  const usual = tmpdir();
  const fits = usual.length <= LONGEST && (process.getuid?.() !== 0 || everyoneMayPass(usual));
  return fits ? usual : '/tmp';
}

/** Whether every account may pass through this folder and all those above it. */
export function everyoneMayPass(path: string): boolean {
  return (statSync(path).mode & 0o001) !== 0 && (path === '/' || everyoneMayPass(dirname(path)));
}
