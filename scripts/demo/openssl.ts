// openssl as the demo's only judge: every fact that the demo shows is read back through it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIMITS = { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 };

/** What openssl says on both streams: it puts data on stdout, and some of its verdicts (`verify OK`) on stderr. */
export type Said = { readonly data: string; readonly remarks: string };

/** Runs openssl. Throws with its complaint, on one line, when it ends with anything but 0. */
export async function openssl(...args: readonly string[]): Promise<Said> {
  try {
    const { stdout, stderr } = await run('openssl', [...args], LIMITS);
    return { data: stdout, remarks: stderr };
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const complaint = stderr === '' ? String(error) : stderr;
    throw new Error(`openssl ${args[0]} refuses it: ${complaint.split('\n').slice(0, 3).join(' · ')}`);
  }
}
