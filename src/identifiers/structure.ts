// Struct_IdNat: the national identifier of a structure, one digit that tells the register and the number in it (table TRE_G07).

import { type Finding, Refusal } from '../errors.ts';
import { checkAdeliPractice } from './adeli.ts';
import { checkFiness } from './finess.ts';
import { checkRppsPractice } from './rpps.ts';
import { checkSiren } from './siren.ts';
import { checkSiret } from './siret.ts';

const RULE = 'TRE_G07 Type d’identifiant de structure';

export type StructurePrefix = '0' | '1' | '2' | '3' | '4';

export type StructIdNat = {
  /** 0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS */
  readonly prefix: StructurePrefix;
  /** the number in its register, without the prefix */
  readonly id: string;
  /** prefix and number, as they stand in certificates */
  readonly text: string;
};

/** How identifiers are read: `test` admits numbers of the test registers; `at` is the JSON pointer of the value. */
export type IdentifierOptions = { readonly test: boolean; readonly at?: string };

/** Findings for a Struct_IdNat, all of them; empty when it is well formed. */
export function checkStructIdNat(text: string, { test, at = '' }: IdentifierOptions): Finding[] {
  const id = text.slice(1);
  switch (text[0]) {
    case '0':
      return checkAdeliPractice(id, at);
    case '1':
      return checkFiness(id, at, test);
    case '2':
      return checkSiren(id, at);
    case '3':
      return checkSiret(id, at);
    case '4':
      return checkRppsPractice(id, at);
    case '5':
    case '6':
      return [
        { rule: RULE, at, detail: 'prefixes 5 and 6 were withdrawn in 2016', remedy: 'a FINESS number takes prefix 1' },
      ];
    default:
      return [
        {
          rule: RULE,
          at,
          detail: 'digit 1 tells the register: 0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS',
        },
      ];
  }
}

/** Reads a Struct_IdNat. Throws Refusal identifier_invalid with every finding. */
export function parseStructIdNat(text: string, options: IdentifierOptions): StructIdNat {
  const findings = checkStructIdNat(text, options);
  if (findings.length > 0)
    throw new Refusal('identifier_invalid', 'this is not an identifier of a structure', findings);
  return { prefix: text.slice(0, 1) as StructurePrefix, id: text.slice(1), text };
}
