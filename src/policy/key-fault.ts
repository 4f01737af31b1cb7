// What is wrong with a public key: a finding, and the code that it alone would be refused with.
import type { Finding, RefusalCode } from '../errors.ts';

export type KeyCode = Extract<RefusalCode, 'key_invalid' | 'key_weak' | 'key_not_allowed'>;
export type KeyFault = { readonly code: KeyCode; readonly finding: Finding };

/** How much arithmetic was done: one step is one operation on numbers of the size of the key. */
export type KeyWork = { steps: number };

const AT = 'certificationRequestInfo.subjectPKInfo';

/** A key that is not what it says it is, or is written in a way that is not read here. */
export const invalid = (rule: string, detail: string, remedy = 'make a new key pair'): KeyFault => ({
  code: 'key_invalid',
  finding: { rule, at: AT, detail, remedy },
});

/** A key whose private half can be found, or that proves nothing. */
export const weak = (rule: string, detail: string, remedy = 'make a new key pair'): KeyFault => ({
  code: 'key_weak',
  finding: { rule, at: AT, detail, remedy },
});

/** A good key, but not of a kind that this profile has. */
export const notAllowed = (detail: string, remedy: string): KeyFault => ({
  code: 'key_not_allowed',
  finding: { rule: 'key policy of the profile', at: AT, detail, remedy },
});
