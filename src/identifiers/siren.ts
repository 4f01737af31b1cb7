// SIREN: the nine digits of a legal unit in the Sirene register.

import type { Finding } from '../errors.ts';
import { checkLuhn } from './luhn.ts';

const RULE = 'SIREN: 9 digits, the last is a Luhn key';

/** Findings for a SIREN; `at` is the JSON pointer of the value. Empty when it is well formed. */
export function checkSiren(text: string, at: string): Finding[] {
  if (!/^\d{9}$/.test(text)) return [{ rule: RULE, at, detail: 'a SIREN is 9 digits without spaces' }];
  return checkLuhn(text, { rule: RULE, name: 'SIREN', at });
}
