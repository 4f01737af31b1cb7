// openssl as the demo's only judge: every fact that the demo shows is read back through it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What openssl prints on stdout. Throws with its complaint when it ends with anything but 0. */
export async function openssl(...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run('openssl', [...args], { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 });
    return stdout.trim();
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`openssl ${args[0]} refused: ${stderr.split('\n').slice(0, 3).join(' · ')}`);
  }
}

/** Both streams: `openssl ocsp` says "Response verify OK" on stderr. */
export async function opensslWithMessages(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('openssl', [...args], { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 }).catch(
    (error: unknown) => {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      throw new Error(`openssl ${args[0]} refused: ${said.trim().split('\n').slice(0, 3).join(' · ')}`);
    },
  );
  return `${stdout}\n${stderr}`;
}
