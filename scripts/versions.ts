// `npm run versions [-- REVISION]`: takes the version before from the history into a temporary folder, and lets its processes run
// beside today's on one database, as they do while a version is rolled out. Needs a clone with its history.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const CHECKOUT = join(import.meta.dirname, '..');
const TEST = 'test/faults/version-before.live.ts';

function git(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: CHECKOUT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args[0]}: ${stderr} (a clone with its whole history is needed)`);
  return stdout.trim();
}

/** The commit before the newest migration came. */
function beforeNewestMigration(): string {
  const [newest] = git('log', '--diff-filter=A', '--format=%H', '--', 'db/migrations/*.sql').split('\n');
  return git('rev-parse', '--short', `${newest}^`);
}

const revision = process.argv[2] ?? beforeNewestMigration();
const folder = mkdtempSync(join(tmpdir(), 'igc-version-before-'));
try {
  git('archive', '--format=tar', `--output=${join(folder, 'archive.tar')}`, revision);
  spawnSync('tar', ['-xf', 'archive.tar'], { cwd: folder, stdio: 'inherit' });
  // today's packages: a version that needs others of its own has to be set up by hand
  symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'));
  process.stderr.write(`the version before is ${revision}\n`);
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', TEST], {
    cwd: CHECKOUT,
    env: { ...process.env, VERSION_BEFORE: folder },
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
