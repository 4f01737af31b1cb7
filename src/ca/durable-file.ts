// Files that are whole and on the disk, or not there at all: a reader never sees half of one, and a power cut takes none back.

import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Replaces `path` in one step: bytes and name are on the disk when this returns. A kill leaves the old file, or the new one. */
export function writeFileDurably(path: string, bytes: Uint8Array | string, mode = 0o644): void {
  const draft = join(dirname(path), `.${basename(path)}.draft`);
  const file = openSync(draft, 'w', mode);
  try {
    writeAll(file, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  syncDirectory(dirname(path));
}

/** Makes a file that must not exist yet, with its bytes on the disk when this returns; throws EEXIST otherwise. */
export function createFileDurably(path: string, bytes: Uint8Array | string, mode: number): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeAll(file, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncDirectory(dirname(path));
}

/** Writes every byte; one write may take fewer than it is given. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Puts the names in a directory on the disk: a rename alone may be lost with the power. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
