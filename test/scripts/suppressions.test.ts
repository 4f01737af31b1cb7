// Silenced checks are found, and a reason is more than a word.

import { describe, expect, it } from 'vitest';
import { findSuppressions, suppressionsIn } from '../../scripts/suppressions.ts';
import { ROOT } from './parent.ts';

// in halves, so that this file is not among those that are found
const [BIOME, TS, SHELLCHECK] = ['biome' + '-ignore', '@ts' + '-expect-error', 'shellcheck' + ' disable'];

describe('suppressions', () => {
  it.each([
    [`// ${BIOME} lint/suspicious/noExplicitAny: the library gives no type`, 'the library gives no type'],
    [`/* ${BIOME} format: a table of numbers */`, 'a table of numbers'],
    [`// ${BIOME} lint/suspicious/noExplicitAny: reason`, undefined],
    [`// ${TS} a string is refused`, 'a string is refused'],
    [`call(); // ${TS}`, undefined],
    [`# ${SHELLCHECK}=SC2086 # a list of words`, 'a list of words'],
    [`# ${SHELLCHECK}=SC2086`, undefined],
  ])('%s', (line, reason) => {
    const found = suppressionsIn('file', `before\n${line}\nafter`);
    expect(found).toEqual([{ file: 'file', line: 2, text: line, ...(reason && { reason }) }]);
  });

  it('are none where their names stand in a sentence or a string', () => {
    expect(suppressionsIn('file', `const name = '${TS}';\n// why ${TS}s are counted`)).toEqual([]);
  });

  it('each give a reason, all over this project', () => {
    expect(findSuppressions(ROOT).filter(({ reason }) => reason === undefined)).toEqual([]);
  });
});
