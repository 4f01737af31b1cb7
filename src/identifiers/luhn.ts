// The check digit of SIREN, SIRET, FINESS and RPPS numbers (ISO/IEC 7812-1 Annex B Luhn formula). Pure arithmetic on decimal
// digits; letters are translated by the callers that know what they stand for.

import type { Finding } from '../errors.ts';

/** The digit 0 to 9 that must follow `body`, a string of decimal digits. */
export function luhnCheckDigit(body: string): number {
  let sum = 0;
  for (let index = 0; index < body.length; index += 1) {
    const digit = body.charCodeAt(body.length - 1 - index) - 48;
    const doubled = index % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return (10 - (sum % 10)) % 10;
}

/** Which number is checked: what it is called, by which rule, and where it stands in the request. */
export type CheckedNumber = { readonly rule: string; readonly name: string; readonly at: string };

/** No finding when the last of `digits` is the right key, else one that names the digit by its place and says what it should be. */
export function checkLuhn(digits: string, { rule, name, at }: CheckedNumber): Finding[] {
  const expected = luhnCheckDigit(digits.slice(0, -1));
  if (digits.endsWith(String(expected))) return [];
  const detail = `digit ${digits.length} of the ${name}, its key, does not agree with the digits before it`;
  return [
    { rule, at, detail, remedy: `with these digits before it the key would be ${expected}: look for a mistyped digit` },
  ];
}
