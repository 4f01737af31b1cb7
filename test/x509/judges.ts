// Second opinions: programs that know nothing of our code. A judge that is missing fails the test; nothing is skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Program = 'openssl' | 'certtool';
type Files = Readonly<Record<string, Uint8Array | string>>;

/** Runs a judge in a folder that holds these files and gives back what it said on both streams; throws where it refuses. */
export const judge = (program: Program, files: Files, ...args: readonly string[]): string =>
  inFolder(files, (folder) => run(program, folder, args));

/** Runs a judge likewise, and gives back the file that it made. */
export const madeBy = (program: Program, files: Files, output: string, ...args: readonly string[]): Uint8Array =>
  inFolder(files, (folder) => {
    run(program, folder, args);
    return new Uint8Array(readFileSync(join(folder, output)));
  });

function inFolder<T>(files: Files, act: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'igc-judge-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(program: Program, cwd: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync('sh', ['-c', '"$0" "$@" 2>&1', program, ...args], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stdout}`);
  return stdout;
}
