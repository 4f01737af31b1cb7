// Who a certificate is for, and the checks of form on what the caller says about them. Whether the holder exists and may have
// the certificate is the registration's affair, not this file's.

import type { Finding } from '../errors.ts';
import { DEPARTMENTS } from '../identifiers/departments.ts';
import { checkIdNatPs, checkRegistryNumber, employeeIdNatPs } from '../identifiers/person.ts';
import { IN_TRAINING, PROFESSIONS } from '../identifiers/professions.ts';
import { checkStructIdNat, parseStructIdNat } from '../identifiers/structure.ts';
import { checkText } from '../x509/text.ts';
import { checkMailbox } from './mailboxes.ts';
import { type Problem, problems } from './problem.ts';
import type { Profile } from './profile.ts';

export type Structure = {
  /** prefix and number: `318751275100020` */
  readonly structIdNat: string;
  /** the official name, uncut */
  readonly name: string;
  /** code of table TRE_G09: `75`, `2A`, `971` */
  readonly department: string;
};

/** `number` is issuer and serial: `8025000001/2800636234` */
export type Card = { readonly number: string };

export type Professional = {
  readonly kind: 'professional';
  /** 0 and an ADELI number, or 8 and an RPPS number */
  readonly idNatPs: string;
  readonly familyName: string;
  readonly givenName: string;
  /** code of table TRE_G15 */
  readonly profession: number;
  readonly card?: Card;
  /** a mailbox, certified where the profile says so and given nowhere else */
  readonly email?: string;
};

export type Employee = {
  readonly kind: 'employee';
  readonly structure: Structure;
  /** the employee's entry in the structure's registry */
  readonly registryNumber: string;
  readonly familyName: string;
  readonly givenName: string;
  readonly card?: Card;
  /** a mailbox, certified where the profile says so and given nowhere else */
  readonly email?: string;
};

export type Holder =
  | ({ readonly kind: 'structure' } & Structure)
  | Professional
  | Employee
  /** an intermediate authority, for the certificates of its own services */
  | { readonly kind: 'ca'; readonly id: string };

/** RFC 5280 Appendix A.1 Upper Bounds has 32,768 characters (ub-name); ours is the bound of a common name. */
const PERSON_NAME_LENGTH = 64;
const STRUCTURE_NAME_LENGTH = 255;
/** Of marks, those that stand above or below a letter in languages written in Latin script; what they compose to, NFC has composed. */
const PERSON_NAME = /^(?:[\p{Script=Latin} 0-9.'’-]|[\u0300-\u0314]|[\u0323-\u0331])*$/u;

/** What identifies a holder in rows: Struct_IdNat, IdNat_PS, or the id of a CA. Only for a holder that passed `checkHolder`. */
export function holderKey(holder: Holder): string {
  switch (holder.kind) {
    case 'structure':
      return holder.structIdNat;
    case 'professional':
      return holder.idNatPs;
    case 'employee':
      return employeeKey(holder);
    case 'ca':
      return holder.id;
  }
}

// The branch's relaxation was decided in checkHolder; reading is the same for both.
const employeeKey = ({ structure, registryNumber }: Employee): string =>
  employeeIdNatPs(parseStructIdNat(structure.structIdNat, { test: true }), registryNumber);

/** Everything wrong with the form of a holder under a profile; `test` admits identifiers of the test registers. */
export function checkHolder(holder: Holder, profile: Profile, { test }: { readonly test: boolean }): Problem[] {
  if (holder.kind !== profile.holder) {
    const rule = `profile ${profile.name}: holder`;
    return problems('holder_invalid', [
      { rule, at: '/holder/kind', detail: `the holder of this profile is a ${profile.holder}` },
    ]);
  }
  switch (holder.kind) {
    case 'structure':
      return checkStructure(holder, '/holder', test);
    case 'professional':
      return [...checkProfessional(holder, profile, test), ...checkPerson(holder, profile)];
    case 'employee':
      return [
        ...checkStructure(holder.structure, '/holder/structure', test),
        ...problems('identifier_invalid', checkRegistryNumber(holder.registryNumber, '/holder/registryNumber')),
        ...checkPerson(holder, profile),
      ];
    case 'ca':
      return [];
  }
}

function checkStructure({ structIdNat, name, department }: Structure, at: string, test: boolean): Problem[] {
  const unknown: Finding[] = DEPARTMENTS.has(department)
    ? []
    : [{ rule: 'TRE_G09 Départements', at: `${at}/department`, detail: 'this code is not in the table' }];
  return [
    ...problems('identifier_invalid', checkStructIdNat(structIdNat, { test, at: `${at}/structIdNat` })),
    ...problems('name_not_allowed', textFindings(name, `${at}/name`, STRUCTURE_NAME_LENGTH)),
    ...problems('holder_invalid', unknown),
  ];
}

function checkProfessional({ idNatPs, profession }: Professional, profile: Profile, test: boolean): Problem[] {
  const at = '/holder/idNatPs';
  const own = idNatPs.startsWith('0') || idNatPs.startsWith('8');
  const rule = 'TRE_G08 Type d’identifiant de personne';
  const identifier = own
    ? checkIdNatPs(idNatPs, { test, at })
    : [{ rule, at, detail: 'digit 1 is 0 (ADELI) or 8 (RPPS) for a health professional' }];
  const table = profile.professions === undefined ? 'TRE_G15 Professions' : 'TRE_G16 Professions en formation';
  const known = PROFESSIONS.has(profession) && (profile.professions === undefined || IN_TRAINING.has(profession));
  const unknown: Finding[] = known
    ? []
    : [{ rule: table, at: '/holder/profession', detail: 'this code is not in the table' }];
  return [...problems('identifier_invalid', identifier), ...problems('holder_invalid', unknown)];
}

const checkPerson = (holder: Professional | Employee, profile: Profile): Problem[] => [
  ...checkPersonNames(holder),
  ...checkCard(holder.card, profile),
  ...checkEmail(holder.email, profile),
];

function checkPersonNames(holder: Professional | Employee): Problem[] {
  return (['familyName', 'givenName'] as const).flatMap((field) => {
    const at = `/holder/${field}`;
    const text = textFindings(holder[field], at, PERSON_NAME_LENGTH);
    const charset: Finding[] = PERSON_NAME.test(holder[field])
      ? []
      : [{ rule: 'names of persons', at, detail: 'a name has letters, digits, spaces, hyphens, apostrophes and dots' }];
    return problems('name_not_allowed', text.length > 0 ? text : charset);
  });
}

function checkCard(card: Card | undefined, { name, privateExtensions }: Profile): Problem[] {
  if (privateExtensions?.cardNumber !== true) {
    if (card === undefined) return [];
    const finding = { rule: `profile ${name}: holder`, at: '/holder/card', detail: 'this profile is for no card' };
    return problems('holder_invalid', [{ ...finding, remedy: 'leave the card out' }]);
  }
  if (card !== undefined && /^\d{10}\/\d{10}$/.test(card.number)) return [];
  const rule = 'card number: issuer of 10 digits, a slash, serial of 10 digits';
  const detail = card === undefined ? 'this profile is for the key of a card' : 'this is not the number of a card';
  return problems('holder_invalid', [{ rule, at: '/holder/card/number', detail }]);
}

/** The one top-level domain of the public DNS that is no home of mailboxes (RFC 3172, RFC 8375). */
const INTERNAL = ['arpa'];

/** An address that is not certified is personal data that nobody asked for. */
function checkEmail(email: string | undefined, { name, subjectAltName }: Profile): Problem[] {
  const at = '/holder/email';
  const certified = subjectAltName?.rfc822Name !== undefined;
  if (certified && email !== undefined) return problems('name_not_allowed', checkMailbox(email, at, INTERNAL));
  if (certified === (email !== undefined)) return [];
  const rule = `profile ${name}: holder`;
  const finding = certified
    ? { rule, at, detail: 'this profile certifies the mailbox of the holder, and there is none' }
    : { rule, at, detail: 'this profile certifies no mailbox', remedy: 'leave the address out' };
  return problems('holder_invalid', [finding]);
}

// № is how French prints it, and looks like nothing else
const isOtherwiseWritten = (text: string): boolean => {
  const rest = text.replaceAll('№', '');
  return rest.normalize('NFKC') !== rest;
};

/** Two texts that a reader takes for one name must not both be certified. */
const TEXT_RULES = [
  {
    rule: 'RFC 5280 §4.1.2.4 Issuer',
    detail: 'an attribute of a name is not blank',
    broken: (text: string) => text.trim() === '',
  },
  {
    rule: 'RFC 4518 §2.6.1 Insignificant Space Handling',
    detail: 'no space at the beginning or the end, and no two in a row',
    broken: (text: string) => text.trim() !== '' && (text !== text.trim() || text.includes('  ')),
  },
  {
    rule: 'UTS #39 §5.1 Mixed-Script Detection',
    detail: 'a letter of another script looks like a Latin one',
    broken: (text: string) => /[\p{L}--\p{Script_Extensions=Latin}]|[\u0250-\u02af\u1d00-\u1dbf]/v.test(text),
  },
  {
    rule: 'UAX #15 §1.1 Canonical and Compatibility Equivalence',
    detail: 'a character is another way to write one that everybody has on the keyboard',
    broken: (text: string) => isOtherwiseWritten(text),
  },
  {
    rule: 'UTS #39 §4 Confusable Detection',
    detail: 'a sign or digit looks like a usual one and is another',
    broken: (text: string) =>
      !isOtherwiseWritten(text) && /[[\p{S}\p{P}\p{N}\p{Me}]--[\u0020-\u00ff‘’“”–—•€№]]/v.test(text),
  },
];

/** Findings of `checkText` at a JSON pointer, and those of a text that could be taken for another. */
export function textFindings(value: string, at: string, max: number): Finding[] {
  const findings = checkText(value, { max, at });
  if (findings.length > 0) return findings;
  return TEXT_RULES.filter(({ broken }) => broken(value)).map(({ rule, detail }) => ({ rule, at, detail }));
}
