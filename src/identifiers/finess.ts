// FINESS: the nine characters of a health or social establishment or of the legal entity behind it. Which of the two it is
// cannot be told from the number.

import type { Finding } from '../errors.ts';
import { DEPARTMENTS } from './departments.ts';
import { checkLuhn } from './luhn.ts';

const RULE = 'FINESS: department, 0, five digits of order and a Luhn key';

// Beyond the two-character departments: all of overseas France is filed under these two.
const OVERSEAS = ['97', '98'];

/**
 * Findings for a FINESS number; `at` is the JSON pointer of the value.
 * Corsica's letters count as A = 1 and B = 2 in the key. With `test`, numbers of the test register pass too: they have a letter
 * in second place without being Corsican (0B…, 1B…), and no key that holds.
 */
export function checkFiness(text: string, at: string, test: boolean): Finding[] {
  if (!/^\d[0-9AB]\d{7}$/.test(text)) {
    const detail = 'a FINESS number is 9 characters: digits, with A or B in second place for Corsica only';
    return [{ rule: RULE, at, detail }];
  }
  const department = text.slice(0, 2);
  const known = DEPARTMENTS.has(department) || OVERSEAS.includes(department);
  const madeForTests = test && !known && /[AB]/.test(department);
  const findings: Finding[] = [];
  if (!known && !madeForTests) findings.push({ rule: RULE, at, detail: 'characters 1 and 2 are not a department' });
  if (text[2] !== '0') findings.push({ rule: RULE, at, detail: 'character 3 is always 0' });
  if (madeForTests) return findings;
  const digits = text.replace('A', '1').replace('B', '2');
  return [...findings, ...checkLuhn(digits, { rule: RULE, name: 'FINESS number', at })];
}
