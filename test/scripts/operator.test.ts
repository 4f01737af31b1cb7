import { userInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { operator } from '../../scripts/commands/operator.ts';
import { refusalOf } from '../helpers/refusal.ts';

const IS_ROOT = process.getuid?.() === 0;
/** Nobody on the machine has it. */
const NAMELESS_UID = 61_099;

let before: string | undefined;
beforeEach(() => {
  before = process.env.IGC_OPERATOR;
  delete process.env.IGC_OPERATOR;
});
afterEach(() => {
  if (before === undefined) delete process.env.IGC_OPERATOR;
  else process.env.IGC_OPERATOR = before;
});

/** As an account without a line in the password file, which only root can become. */
function nameless<T>(act: () => T): T {
  if (IS_ROOT) process.seteuid?.(NAMELESS_UID);
  try {
    return act();
  } finally {
    if (IS_ROOT) process.seteuid?.(0);
  }
}

describe('the operator in the audit', () => {
  it('is the user of the operating system', () => {
    expect(operator()).toEqual({ kind: 'operator', id: userInfo().username });
  });

  it.each(['anne.durand', 'Zoé Lefèvre (ANS)', 'x'.repeat(64)])('is the person whom IGC_OPERATOR names: %s', (name) => {
    process.env.IGC_OPERATOR = name;
    expect(nameless(operator)).toEqual({ kind: 'operator', id: name });
  });

  it.each(['x'.repeat(65), 'two\nlines', 'esc\u001b[2J', 'turned\u202e', '  '])('is not %j', (name) => {
    process.env.IGC_OPERATOR = name;
    expect(refusalOf(operator)).toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('IGC_OPERATOR'),
    });
  });

  it(IS_ROOT ? 'is never a number: an account without a name has to say who it is' : 'has a name of the system', () => {
    if (!IS_ROOT) return expect(operator().id).toBe(userInfo().username);
    expect(refusalOf(() => nameless(operator))).toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('IGC_OPERATOR'),
    });
  });
});
