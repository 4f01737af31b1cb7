// One ceremony at a time in a directory. The lock is a file that names its process; a lock whose process is gone is taken over.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../errors.ts';

/** Takes the lock of `directory`, making the directory when it is missing; answers its release. Throws Refusal `configuration_invalid`. */
export function lockCeremony(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const path = join(directory, 'ceremony.lock');
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, `${process.pid}\n`);
  try {
    if (!tryLink(mine, path)) {
      dropStale(path);
      if (!tryLink(mine, path)) throw held(path, readHolder(path));
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(path, { force: true });
}

/** link(2) is one step: of two processes one gets the name. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Moves a dead process's lock away. What was moved is looked at again: another process may have taken it over in between. */
function dropStale(path: string): void {
  const holder = readHolder(path);
  if (holder !== undefined && isAlive(holder)) throw held(path, holder);
  const moved = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, moved);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  if (readHolder(moved) !== holder) tryLink(moved, path);
  rmSync(moved, { force: true });
}

function readHolder(path: string): number | undefined {
  try {
    const holder = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(holder) && holder > 0 ? holder : undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
}

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

const held = (path: string, holder: number | undefined): Refusal =>
  new Refusal('configuration_invalid', 'another ceremony is under way in this directory', [
    {
      rule: 'one ceremony at a time',
      at: path,
      detail: `process ${holder ?? 'unknown'} holds the lock`,
      remedy: 'wait until it has ended; if that process is no ceremony, remove the file',
    },
  ]);
