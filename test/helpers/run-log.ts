// Everything that the processes of a test run write on stderr, and the roles on stdout, is kept in one folder; run-log-scan.ts looks
// through it when the run ends.

import type { ChildProcess } from 'node:child_process';
import { appendFileSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { inject } from 'vitest';
import { SECRETS_FILE } from './run-log-scan.ts';

/** Keeps what comes out of these streams of a child; a role's name begins with `role`. Other listeners hear it too. */
export function keepOutput(child: ChildProcess, name: string, streams: readonly (Readable | null)[]): void {
  const file = join(inject('logFolder'), `${name.replaceAll(/[^\w-]/g, '-')}-${child.pid ?? 0}.log`);
  for (const stream of streams) stream?.on('data', (chunk: string | Buffer) => appendFileSync(file, chunk));
}

/** Keeps files that processes of the run wrote themselves. */
export function keepFiles(pattern: string, name: string): void {
  for (const path of globSync(pattern))
    appendFileSync(join(inject('logFolder'), `${name}-${process.pid}-${basename(path)}`), readFileSync(path));
}

/** From now on these words are in no log of the run. */
export function keepSecrets(...secrets: readonly string[]): void {
  appendFileSync(join(inject('logFolder'), SECRETS_FILE), secrets.map((secret) => `${secret.trim()}\n`).join(''));
}

/** The same for PINs in files. */
export const keepPins = (pattern: string): void =>
  keepSecrets(...globSync(pattern).map((path) => readFileSync(path, 'utf8')));
