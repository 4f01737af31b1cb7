// RPPS: the eleven digits of a health professional, and the fourteen of a practice (RPPS-rang) opened under that number.

import type { Finding } from '../errors.ts';
import { checkLuhn } from './luhn.ts';

const RULE = 'RPPS: 11 digits, the last is a Luhn key';
const PRACTICE_RULE = 'RPPS-rang: an RPPS number, two digits and a Luhn key';

/** Findings for an RPPS number; `at` is the JSON pointer of the value. Empty when it is well formed. */
export function checkRpps(text: string, at: string): Finding[] {
  if (!/^\d{11}$/.test(text)) return [{ rule: RULE, at, detail: 'an RPPS number is 11 digits without spaces' }];
  return checkLuhn(text, { rule: RULE, name: 'RPPS number', at });
}

/** Findings for the number of a practice (cabinet RPPS): 14 digits that begin with an RPPS number. */
export function checkRppsPractice(text: string, at: string): Finding[] {
  if (!/^\d{14}$/.test(text)) return [{ rule: PRACTICE_RULE, at, detail: 'an RPPS-rang is 14 digits without spaces' }];
  return [...checkRpps(text.slice(0, 11), at), ...checkLuhn(text, { rule: PRACTICE_RULE, name: 'RPPS-rang', at })];
}
