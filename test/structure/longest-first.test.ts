// The list of long test files names files that exist, each once.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LONGEST } from '../helpers/longest-first.ts';

it('every file that is to start early exists, and is named once', () => {
  expect(LONGEST.filter((file) => !existsSync(join(import.meta.dirname, '..', file)))).toEqual([]);
  expect(new Set(LONGEST).size).toBe(LONGEST.length);
});
