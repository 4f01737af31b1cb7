// The subject of a certificate from the profile's layout. A value is text with placeholders in braces: `OCSP {issuerCommonName}`.
// String types are fixed here: PrintableString for the country, UTF8String for all else.

import { DEPARTMENTS } from '../identifiers/departments.ts';
import { PROFESSIONS } from '../identifiers/professions.ts';
import type { Name, NameAttribute, Rdn } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';
import { baseName, type Hierarchy } from './hierarchy.ts';
import { type Holder, holderKey, type Structure } from './holder.ts';
import { type Profile, SUBJECT_ATTRIBUTES, type SubjectAttribute } from './profile.ts';

const STRUCTURE = ['department', 'structureName', 'structIdNat'] as const;
const PERSON = ['idNatPs', 'givenName', 'familyName'] as const;

/** The placeholders that a layout may use, by the kind of its holder; `commonName` only where the profile takes names. */
export const PLACEHOLDERS: Readonly<Record<Profile['holder'], readonly string[]>> = {
  structure: [...STRUCTURE, 'commonName'],
  professional: [...PERSON, 'profession', 'email'],
  employee: [...STRUCTURE, ...PERSON, 'email'],
  ca: ['issuerCommonName'],
};

/** The placeholders of a template, in order. */
export const placeholdersOf = (template: string): string[] =>
  [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);

/** What each placeholder stands for in one certificate. Only for a holder that passed `checkHolder`. */
export type Values = ReadonlyMap<string, string>;

/** The values of a holder; `commonName` is the certified one, or empty. */
export function valuesOf(holder: Holder, hierarchy: Hierarchy, commonName: string): Values {
  const key = holderKey(holder);
  switch (holder.kind) {
    case 'structure':
      return new Map([...structureValues(holder, hierarchy), ['commonName', commonName]]);
    case 'professional':
      return new Map([...personValues(holder, key), ['profession', PROFESSIONS.get(holder.profession) ?? '']]);
    case 'employee':
      return new Map([...structureValues(holder.structure, hierarchy), ...personValues(holder, key)]);
    case 'ca': {
      const issuer = hierarchy.authorities.find(({ id }) => id === holder.id);
      return new Map([['issuerCommonName', issuer?.commonName ?? '']]);
    }
  }
}

const structureValues = (structure: Structure, hierarchy: Hierarchy): [string, string][] => [
  ['department', DEPARTMENTS.get(structure.department) ?? ''],
  ['structureName', cutText(structure.name, hierarchy.organizationNameLength)],
  ['structIdNat', structure.structIdNat],
];

type PersonNames = { readonly givenName: string; readonly familyName: string; readonly email?: string };

const personValues = (person: PersonNames, idNatPs: string): [string, string][] => [
  ['idNatPs', idNatPs],
  ['givenName', person.givenName],
  ['familyName', person.familyName],
  ['email', person.email ?? ''],
];

/** The template with its placeholders replaced. Throws TypeError on an unknown one: a bug, load.ts lets none through. */
export const fill = (template: string, values: Values): string =>
  template.replace(/\{([^{}]*)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined || value === '') throw new TypeError(`nothing to put for {${name}}`);
    return value;
  });

/** The subject in DER order. */
export function buildSubject(profile: Profile, hierarchy: Hierarchy, values: Values): Name {
  const base = profile.subjectBase === 'issuer' ? baseName(hierarchy) : [];
  return [...base, ...profile.subject.map((rdn) => buildRdn(rdn, values))];
}

const buildRdn = (rdn: Profile['subject'][number], values: Values): Rdn =>
  SUBJECT_ATTRIBUTES.flatMap((type) => {
    const template = rdn[type];
    return template === undefined ? [] : [attribute(type, fill(template, values))];
  });

const attribute = (type: SubjectAttribute, value: string): NameAttribute => ({
  type: OID[type],
  value,
  string: type === 'countryName' ? 'printable' : 'utf8',
});

/**
 * At most so many characters of a text, no space left at the end. A letter is never parted from the combining marks after it,
 * nor the two halves of a character outside the basic plane.
 */
export function cutText(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text.trimEnd();
  let end = length;
  while (end > 0 && /^\p{M}$/u.test(characters[end] ?? '')) end -= 1;
  return characters
    .slice(0, end === 0 ? length : end)
    .join('')
    .trimEnd();
}
