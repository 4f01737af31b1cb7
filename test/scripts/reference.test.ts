import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { buildProgram } from '../../scripts/commands/program.ts';
import { describeCommands } from '../../scripts/commands/reference.ts';

test('docs/cli.md is what the commands say; after a change of theirs run `npm run docs:cli` and review the difference', () => {
  const committed = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  expect(committed).toBe(describeCommands(buildProgram()));
});
