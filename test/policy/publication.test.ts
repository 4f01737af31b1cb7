import { expect, test } from 'vitest';
import type { Profile } from '../../src/policy/profile.ts';
import { isConsented, mayBeComeUpon } from '../../src/policy/publication.ts';

const [A, B] = ['a@example.fr', 'b@example.fr'];
/** of A one is in force, of B one was withdrawn */
const CONSENTS = new Map([
  [A, true],
  [B, false],
]);
const CONSENT: Profile['publication'] = { certificate: 'public', mail: 'consent' };
const NEVER: Profile['publication'] = { certificate: 'public', mail: 'never' };
const NONE: Profile['publication'] = { certificate: 'none', mail: 'never' };

test.each([
  ['that holds no mailbox is come upon', CONSENT, [], true],
  ['that holds none, under a profile that shows none, is come upon', NEVER, [], true],
  ['whose mailbox has a consent is come upon', CONSENT, [A], true],
  ['whose consent was withdrawn is not', CONSENT, [B], false],
  ['to whose mailbox nobody ever consented is not', CONSENT, ['c@example.fr'], false],
  ['with one consent for two mailboxes is not', CONSENT, [A, B], false],
  ['with a consent, under a profile that shows no mailbox, is not', NEVER, [A], false],
  ['of a profile that is not public is not', NONE, [], false],
  ['of another spelling of the mailbox is not: a local part is its domain’s affair', CONSENT, ['A@example.fr'], false],
] as const)('a certificate %s', (_, publication, mailboxes, shown) => {
  expect(mayBeComeUpon(publication, mailboxes, CONSENTS)).toBe(shown);
});

test('to be found by no mailbox needs no consent, and is none', () => {
  expect([isConsented([], CONSENTS), isConsented([A], CONSENTS), isConsented([A, B], CONSENTS)]).toEqual([
    false,
    true,
    false,
  ]);
});
