// SIRET: the fourteen digits of an establishment: the SIREN of its legal unit, a number of five digits whose last is a key.

import type { Finding } from '../errors.ts';
import { checkLuhn } from './luhn.ts';
import { checkSiren } from './siren.ts';

const RULE = 'SIRET: 14 digits that begin with a SIREN, the last is a Luhn key';

// The establishments of La Poste have outgrown the formula: where it fails, the sum of the digits is a multiple of 5.
const LA_POSTE = '356000000';

/** Findings for a SIRET; `at` is the JSON pointer of the value. Empty when it is well formed. */
export function checkSiret(text: string, at: string): Finding[] {
  if (!/^\d{14}$/.test(text)) return [{ rule: RULE, at, detail: 'a SIRET is 14 digits without spaces' }];
  const unit = checkSiren(text.slice(0, 9), at);
  const key = checkLuhn(text, { rule: RULE, name: 'SIRET', at });
  if (key.length > 0 && text.startsWith(LA_POSTE) && digitSum(text) % 5 === 0) return [];
  return [...unit, ...key];
}

function digitSum(digits: string): number {
  let sum = 0;
  for (const digit of digits) sum += Number(digit);
  return sum;
}
