// `npm run check`: everything that can be said of the code without running it, and the tests of its structure.
// `npm test` (--test): the same checks, then every test; further arguments are vitest's: `npm test -- test/x509`.
import type { ChildProcess } from 'node:child_process';
import { join, relative } from 'node:path';
import { endChild, ended, spawnBound } from './process.ts';
import { findSuppressions } from './suppressions.ts';
import { removeTemporaryFolder, temporaryFolder } from './temporary.ts';

const ROOT = join(import.meta.dirname, '..');
// What the tools and the tests write outside the checkout is in one temporary folder, which ends with this process.
const PLACES = { TMPDIR: temporaryFolder(), XDG_DATA_HOME: join(ROOT, 'var', 'user-data') };
let running: ChildProcess | undefined;

type Outcome = { readonly failed: boolean; readonly output: string };

/** Runs a tool of node_modules; with `shown`, its output goes straight to the terminal, else it is returned. */
async function tool(command: string, args: readonly string[], shown = false): Promise<Outcome> {
  const stream = shown ? 'inherit' : 'pipe';
  const child = spawnBound(join(ROOT, 'node_modules', '.bin', command), args, {
    cwd: ROOT,
    env: { ...process.env, ...PLACES },
    stdio: ['ignore', stream, stream],
  });
  running = child;
  let output = '';
  for (const source of [child.stdout, child.stderr]) {
    source?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { failed: (await ended(child)) !== 0, output };
}

function suppressions(): Outcome & { readonly note: string } {
  const found = findSuppressions(ROOT);
  const bare = found.filter(({ reason }) => reason === undefined);
  const output = bare
    .map(({ file, line, text }) => `${relative(ROOT, file)}:${line} gives no reason: ${text}\n`)
    .join('');
  return { failed: bare.length > 0, output, note: `${found.length}, ${bare.length} without a reason` };
}

async function step(name: string, act: () => Promise<Outcome & { note?: string }>): Promise<boolean> {
  const since = performance.now();
  const { failed, output, note } = await act();
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  if (failed) process.stdout.write(`${output.trimEnd()}\n`);
  process.stdout.write(`${failed ? 'FAILED' : 'ok    '}  ${name.padEnd(14)} ${seconds.padStart(5)} s  ${note ?? ''}\n`);
  return !failed;
}

async function check(args: readonly string[]): Promise<boolean> {
  const everything = args[0] === '--test';
  const results = [
    await step('types', () => tool('tsc', ['-p', '.', '--pretty', 'false'])),
    await step('biome', () => tool('biome', ['ci', '--colors=off', '.'])),
    await step('knip', () => tool('knip', ['--no-progress', '--no-config-hints'])),
    await step('suppressions', async () => suppressions()),
  ];
  const tests = everything ? args.slice(1) : ['test/structure', 'test/http/openapi.test.ts'];
  const { failed } = await tool('vitest', ['run', ...tests], true);
  return results.every((passed) => passed) && !failed;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, async () => {
    if (running !== undefined) await endChild(running);
    await removeTemporaryFolder();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

process.exitCode = (await check(process.argv.slice(2))) ? 0 : 1;
await removeTemporaryFolder();
