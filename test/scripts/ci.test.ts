// The closing line of .ci/run, with an npm that says what the test wants.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from './parent.ts';

let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'igc-ci-'));
  mkdirSync(join(checkout, 'bin'));
  mkdirSync(join(checkout, 'var'));
  cpSync(join(ROOT, '.ci'), join(checkout, '.ci'), { recursive: true });
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

/** Runs it with an npm whose `test` and `run demo` are these lines of sh. */
function run(npmTest: string, demo: string) {
  const npm = join(checkout, 'bin', 'npm');
  writeFileSync(npm, `#!/bin/sh\ncase $1 in test) ${npmTest} ;; run) ${demo} ;; esac\n`);
  chmodSync(npm, 0o755);
  const { status, stdout } = spawnSync('bash', [join(checkout, '.ci', 'run')], {
    cwd: '/',
    env: { ...process.env, PATH: `${join(checkout, 'bin')}:${process.env.PATH}` },
    encoding: 'utf8',
  });
  return { status, last: stdout.trimEnd().split('\n').at(-1) };
}

const report = (passed: number, failed: number) =>
  `echo '{"numPassedTests":${passed},"numFailedTests":${failed},"success":true}' > var/test-report.json`;

describe('.ci/run', () => {
  it('counts the tests and the two runs of the demo', () => {
    expect(run(report(40, 0), 'echo fine')).toEqual({ status: 0, last: '42 passed, 0 failed' });
  });

  it('fails with the tests that failed', () => {
    expect(run(`${report(38, 2)}; exit 1`, 'echo fine')).toEqual({ status: 1, last: '40 passed, 2 failed' });
  });

  it('fails when a check failed though every test passed', () => {
    expect(run(`${report(40, 0)}; exit 1`, 'echo fine')).toEqual({ status: 1, last: '42 passed, 1 failed' });
  });

  it('fails when the tests never ran, whatever an earlier run reported', () => {
    writeFileSync(join(checkout, 'var/test-report.json'), '{"numPassedTests":40,"numFailedTests":0}');
    expect(run('exit 69', 'exit 69')).toEqual({ status: 1, last: '0 passed, 3 failed' });
  });

  it('fails when the second demo does', () => {
    expect(run(report(40, 0), 'mkdir var/once')).toEqual({ status: 1, last: '41 passed, 1 failed' });
  });
});
