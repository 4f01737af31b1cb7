// ADELI: the nine characters of a health professional of the register before RPPS, and the eleven of a practice. No check
// rule and no inner layout are published, so only the form is held.

import type { Finding } from '../errors.ts';

const RULE = 'ADELI: 9 characters, digits but for a letter in second place';
const PRACTICE_RULE = 'cabinet ADELI: an ADELI number and two digits';

/** Findings for an ADELI number; `at` is the JSON pointer of the value. Empty when it is well formed. */
export function checkAdeli(text: string, at: string): Finding[] {
  if (/^\d[0-9A-Z]\d{7}$/.test(text)) return [];
  return [{ rule: RULE, at, detail: 'an ADELI number is 9 characters: digits, or a capital letter in second place' }];
}

/** Findings for the number of a practice (cabinet ADELI). */
export function checkAdeliPractice(text: string, at: string): Finding[] {
  if (!/^[0-9A-Z]{9}\d{2}$/.test(text)) {
    return [{ rule: PRACTICE_RULE, at, detail: 'a cabinet ADELI is 11 characters: an ADELI number and two digits' }];
  }
  return checkAdeli(text.slice(0, 9), at);
}
