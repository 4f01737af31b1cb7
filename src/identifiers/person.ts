// IdNat_PS: the national identifier of a person, one digit that tells the register and the number in it (table TRE_G08).
// Employees have no number of their own: theirs is the structure's, a slash, and their entry in the structure's registry.

import { type Finding, Refusal } from '../errors.ts';
import { checkAdeli, checkAdeliPractice } from './adeli.ts';
import { checkFiness } from './finess.ts';
import { checkRpps, checkRppsPractice } from './rpps.ts';
import { checkSiren } from './siren.ts';
import { checkSiret } from './siret.ts';
import type { IdentifierOptions, StructIdNat, StructurePrefix } from './structure.ts';

const RULE = 'TRE_G08 Type d’identifiant de personne';

export type IdNatPs = {
  /** 0 ADELI, 8 RPPS; with a registry number: 1 cabinet ADELI, 3 FINESS, 4 SIREN, 5 SIRET, 6 cabinet RPPS */
  readonly prefix: '0' | '1' | '3' | '4' | '5' | '6' | '8';
  /** the number in the register, without prefix and registry number */
  readonly id: string;
  /** the employee's entry in the structure's registry; absent for ADELI and RPPS */
  readonly registryNumber?: string;
  /** the whole identifier, as it stands in certificates */
  readonly text: string;
};

const EMPLOYEE_PREFIX: Record<StructurePrefix, IdNatPs['prefix']> = { 0: '1', 1: '3', 2: '4', 3: '5', 4: '6' };

/** Findings for the IdNat_PS of a professional or of an employee, all of them; empty when it is well formed. */
export function checkIdNatPs(text: string, { test, at = '' }: IdentifierOptions): Finding[] {
  const [number = '', registryNumber] = splitAtSlash(text);
  const id = number.slice(1);
  const own = text[0] === '0' || text[0] === '8';
  if (own && registryNumber !== undefined) {
    return [{ rule: RULE, at, detail: 'ADELI and RPPS numbers have no registry number behind them' }];
  }
  const registry = own ? [] : checkRegistryNumber(registryNumber ?? '', at);
  switch (text[0]) {
    case '0':
      return checkAdeli(id, at);
    case '8':
      return checkRpps(id, at);
    case '1':
      return [...checkAdeliPractice(id, at), ...registry];
    case '3':
      return [...checkFiness(id, at, test), ...registry];
    case '4':
      return [...checkSiren(id, at), ...registry];
    case '5':
      return [...checkSiret(id, at), ...registry];
    case '6':
      return [...checkRppsPractice(id, at), ...registry];
    case '2':
    case '9':
      return [{ rule: RULE, at, detail: 'registers 2 (DRASS) and 9 (students) are closed' }];
    default:
      return [
        { rule: RULE, at, detail: 'digit 1 tells the register: 0 ADELI, 8 RPPS, or 1, 3, 4, 5, 6 for employees' },
      ];
  }
}

/** Reads the IdNat_PS of a professional or of an employee. Throws Refusal identifier_invalid with every finding. */
export function parseIdNatPs(text: string, options: IdentifierOptions): IdNatPs {
  const findings = checkIdNatPs(text, options);
  if (findings.length > 0) throw new Refusal('identifier_invalid', 'this is not an identifier of a person', findings);
  const [number = '', registryNumber] = splitAtSlash(text);
  const known = { prefix: text.slice(0, 1) as IdNatPs['prefix'], id: number.slice(1), text };
  return registryNumber === undefined ? known : { ...known, registryNumber };
}

/**
 * Findings for a registry number: 1 to 20 capital letters and digits.
 * Small letters are refused because identities are compared octet by octet: `a1` and `A1` would be two people.
 */
export function checkRegistryNumber(text: string, at: string): Finding[] {
  if (/^[0-9A-Z]{1,20}$/.test(text)) return [];
  return [{ rule: RULE, at, detail: 'a registry number is 1 to 20 digits and capital letters A to Z' }];
}

/** The IdNat_PS of an employee, as `30B0057881/CPET0002` for a FINESS number; both parts are checked by the caller. */
export const employeeIdNatPs = (structure: StructIdNat, registryNumber: string): string =>
  `${EMPLOYEE_PREFIX[structure.prefix]}${structure.id}/${registryNumber}`;

function splitAtSlash(text: string): [string, string | undefined] {
  const slash = text.indexOf('/');
  return slash === -1 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)];
}
