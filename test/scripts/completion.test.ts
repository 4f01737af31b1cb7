import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { completionsOf } from '../../scripts/commands/completion-table.ts';
import { buildProgram } from '../../scripts/commands/program.ts';
import { runHere } from './run-igc.ts';

const folder = mkdtempSync(join(tmpdir(), 'igc-completion-'));
const script = async (shell: string): Promise<string> => (await runHere({}, 'completion', shell)).stdout;

beforeAll(async () => {
  writeFileSync(join(folder, 'igc.bash'), await script('bash'));
  writeFileSync(join(folder, 'card request.csr'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a real bash offers for a line whose last word is being typed. */
function offered(...words: readonly string[]): string[] {
  const line = ['igc', ...words];
  const ask = `source ./igc.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _igc; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-euc', ask, 'bash', ...line], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

test.each<[string[], string[]]>([
  [['cr'], ['crl']],
  [
    ['crl', ''],
    ['publish', 'list', '--help'],
  ],
  [
    ['crl', 'publish', '--'],
    ['--root', '--dry-run', '--json', '--help'],
  ],
  [['certificate', 'revoke', '00ff', '--reason', 'ce'], ['cessationOfOperation']],
  [['certificate', 'issue', 'serv-ssl', '--csr', 'ca'], ['card request.csr']],
  [['certificate', 'issue', 'serv-ssl', '--structure', ''], []],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish', '--help'],
  ],
  [['ocsp', 'status', 'ca'], ['card request.csr']],
  [['nonsense', 'crl', 'pub'], ['publish']],
])('bash completes igc %j', (words, expected) => {
  expect(offered(...words)).toEqual(expected);
});

test.each(['bash', 'zsh', 'fish'])('the script for %s knows every command and every option', async (shell) => {
  const text = await script(shell);
  for (const { path, words } of completionsOf(buildProgram())) {
    expect(text).toContain(`'${path}'`);
    for (const word of words) expect(text).toContain(word.replace(/^--/, ''));
  }
});
