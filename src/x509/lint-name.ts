// Lint of a subject: attribute types that we use, the string type of each, and their sizes (RFC 5280 Appendix A.1).
import type { Finding } from '../errors.ts';
import type { DerElement } from './der.ts';
import { expect, type Rule, reading } from './lint-finding.ts';
import { type NameAttribute, parseName } from './names.ts';
import { OID } from './oids.ts';

/** Upper bounds in characters; X520name (surname, givenName) has ub-name. */
const UPPER_BOUNDS: ReadonlyMap<string, number> = new Map([
  [OID.countryName, 2],
  [OID.stateOrProvinceName, 128],
  [OID.organizationName, 64],
  [OID.organizationalUnitName, 64],
  [OID.commonName, 64],
  [OID.title, 64],
  [OID.pseudonym, 128],
  [OID.surname, 32_768],
  [OID.givenName, 32_768],
]);

const SYNTAX: Rule = {
  rule: 'RFC 5280 §4.1.2.6 Subject',
  at: 'tbsCertificate.subject',
  remedy: 'build the subject with buildName',
};
const TYPES: Rule = { ...SYNTAX, remedy: 'use only the attribute types of the profiles' };
const STRINGS: Rule = { ...SYNTAX, remedy: 'write countryName as PrintableString and everything else as UTF8String' };
const BOUNDS: Rule = {
  ...SYNTAX,
  rule: 'RFC 5280 Appendix A.1 Explicitly Tagged Module, upper bounds',
  remedy: 'shorten the value as the profile says',
};

/** The findings in a subject. */
export function lintSubject(subject: DerElement): Finding[] {
  return reading(SYNTAX, () => {
    const attributes = parseName(subject).flat();
    return [...expect(attributes.length > 0, SYNTAX, 'the subject is empty'), ...attributes.flatMap(lintAttribute)];
  });
}

function lintAttribute({ type, value, string }: NameAttribute): Finding[] {
  const country = type === OID.countryName;
  const bound = UPPER_BOUNDS.get(type);
  if (bound === undefined) return expect(false, TYPES, `attribute ${type} is not one of ours`);
  const characters = [...value].length;
  return [
    ...expect(string === (country ? 'printable' : 'utf8'), STRINGS, `attribute ${type} has another string type`),
    ...expect(characters >= 1 && characters <= bound, BOUNDS, `attribute ${type} has ${characters} characters`),
    ...expect(!country || /^[A-Z]{2}$/.test(value), BOUNDS, 'a country is two capital letters (ISO 3166-1)'),
    ...expect(!/\p{Cc}/u.test(value), SYNTAX, `attribute ${type} has control characters`),
  ];
}
