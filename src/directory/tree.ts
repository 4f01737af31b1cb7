// The tree of the directory: where each entry stands and what is in it, from structured data. Authorities stand where the URLs in
// certificates say (src/policy/hierarchy.ts, ldapUrl); holders stand below the same base. Pure.
//
//   c=FR → o=ASIP-SANTE → ou=0002 187512751 → ou=IGC-SANTE TEST
//     ├ cn=<root>                        the entry that intermediates point to
//     ├ ou=<root> → cn=<intermediate>    the entries that holders' certificates point to
//     ├ ou=Structures → ou=<Struct_IdNat> → cn=<name>
//     └ ou=Professionnels → cn=<IdNat_PS>

import { baseName, type Hierarchy } from '../policy/hierarchy.ts';
import type { Certificate } from '../x509/certificate.ts';
import { formatName, type Name, nameAttribute, type Rdn } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';
import { mailboxesOf } from '../x509/store-keys.ts';
import type { EntryKey } from './entry-key.ts';

/** In the order of a Name: the country first. */
export type Dn = Name;

export type Attributes = Readonly<Record<string, readonly (string | Uint8Array)[]>>;

export type Entry = { readonly dn: Dn; readonly attributes: Attributes };

/** What the directory is to say of an authority. */
export type AuthorityState = {
  readonly certificate: Uint8Array;
  /** the last list that was published, in DER */
  readonly list: Uint8Array | undefined;
};

const CERTIFICATE = 'userCertificate;binary';
/** Under which unit holders of each kind stand. */
export const BRANCHES = { service: 'Structures', person: 'Professionnels' } as const;

/** RFC 4514 text of a DN. Throws TypeError for a NUL, which some servers take for the end of a value. */
export function formatDn(dn: Dn): string {
  if (dn.flat().some(({ value }) => value.includes('\0'))) throw new TypeError('a name in the directory has no NUL');
  return formatName(dn);
}

/** The entry under which everything of this branch stands. */
export const baseDn = (hierarchy: Hierarchy): Dn => baseName(hierarchy);

/** Under these stand all holders, and nobody else. */
export const branchDns = (hierarchy: Hierarchy): Dn[] =>
  Object.values(BRANCHES).map((name) => [...baseDn(hierarchy), unit(name)]);

/** Where an entry stands. `name` is how a service is written; without it the folded name stands for it, which servers take for equal. */
export function dnOf(hierarchy: Hierarchy, key: EntryKey, name?: string): Dn {
  const base = baseDn(hierarchy);
  switch (key.kind) {
    case 'authority':
      return authorityDn(hierarchy, key.id);
    case 'person':
      return [...base, unit(BRANCHES.person), commonName(key.id)];
    case 'service':
      return [...base, unit(BRANCHES.service), unit(key.structure), commonName(name ?? key.name)];
  }
}

function authorityDn(hierarchy: Hierarchy, id: string): Dn {
  const authority = hierarchy.authorities.find((one) => one.id === id);
  if (authority === undefined) throw new TypeError(`the hierarchy has no authority ${id}`);
  const root = hierarchy.authorities.find((one) => one.id === authority.issuer);
  const above = root === undefined || authority.kind === 'root' ? [] : [unit(root.commonName)];
  return [...baseDn(hierarchy), ...above, commonName(authority.commonName)];
}

/** The entry of an authority: its certificate and its list, a root's also as the list of authorities that it is. */
export function authorityEntry(hierarchy: Hierarchy, id: string, { certificate, list }: AuthorityState): Entry {
  const dn = authorityDn(hierarchy, id);
  const isRoot = hierarchy.authorities.some((one) => one.id === id && one.kind === 'root');
  const lists = list === undefined ? [] : [list];
  return {
    dn,
    attributes: {
      objectClass: ['top', 'applicationProcess', 'pkiCA'],
      ...lastRdn(dn),
      'cACertificate;binary': [certificate],
      'certificateRevocationList;binary': lists,
      ...(isRoot ? { 'authorityRevocationList;binary': lists } : {}),
    },
  };
}

/**
 * The entry of a holder with all its certificates, the newest last: what it says beside them is what the newest certifies, and of a
 * person the mailboxes that any of them holds. Nothing else may show a mailbox, so whoever calls leaves out what may not be come upon.
 */
export function holderEntry(hierarchy: Hierarchy, key: EntryKey, certificates: readonly Certificate[]): Entry {
  const newest = certificates.at(-1);
  if (newest === undefined) throw new TypeError('an entry without a certificate does not exist');
  const { subjectName: subject } = newest;
  const dn = dnOf(hierarchy, key, nameAttribute(subject, OID.commonName));
  const about = key.kind === 'service' ? aboutService(subject) : aboutPerson(subject, mailOf(certificates));
  return { dn, attributes: { ...about, ...lastRdn(dn), [CERTIFICATE]: certificates.map(({ der }) => der) } };
}

/** No class of a service has `mail`: one that is certified for a mailbox is named by it. */
const aboutService = (subject: Certificate['subjectName']): Attributes => ({
  objectClass: ['top', 'applicationProcess', 'pkiUser'],
  ou: shown(subject, OID.organizationalUnitName),
  description: shown(subject, OID.organizationName),
});

const aboutPerson = (subject: Certificate['subjectName'], mail: readonly string[]): Attributes => ({
  objectClass: ['top', 'person', 'organizationalPerson', 'inetOrgPerson', 'pkiUser'],
  sn: shown(subject, OID.surname),
  givenName: shown(subject, OID.givenName),
  title: shown(subject, OID.title),
  o: shown(subject, OID.organizationName),
  ou: shown(subject, OID.organizationalUnitName),
  // where there is none, none that somebody else wrote
  mail,
});

/** A directory takes mailboxes in other letters for the same one, and no value twice. */
const mailOf = (certificates: readonly Certificate[]): string[] => [
  ...new Map(certificates.flatMap(mailboxesOf).map((mailbox) => [mailbox.toLowerCase(), mailbox])).values(),
];

function shown(subject: Certificate['subjectName'], type: string): string[] {
  const value = nameAttribute(subject, type);
  return value === undefined ? [] : [value];
}

const CLASSES: Readonly<Record<string, readonly [attribute: string, objectClass: string]>> = {
  [OID.countryName]: ['c', 'country'],
  [OID.organizationName]: ['o', 'organization'],
  [OID.organizationalUnitName]: ['ou', 'organizationalUnit'],
  [OID.commonName]: ['cn', 'applicationProcess'],
};

/** An entry that is there for those below it. */
export const containerEntry = (dn: Dn): Entry => ({
  dn,
  attributes: { objectClass: ['top', classOf(dn)[1]], ...lastRdn(dn) },
});

/** An entry that is there for a moment, beside those of the authorities, and says nothing. */
export function probeEntry(hierarchy: Hierarchy, description: string): Entry {
  const dn = [...baseDn(hierarchy), commonName('write test')];
  return {
    dn,
    attributes: { objectClass: ['top', 'applicationProcess'], ...lastRdn(dn), description: [description] },
  };
}

/** The attribute by which an entry is named, which no change may touch. */
export const namingAttribute = (dn: Dn): string => classOf(dn)[0];

const lastRdn = (dn: Dn): Attributes => ({ [namingAttribute(dn)]: [dn.at(-1)?.[0]?.value ?? ''] });

function classOf(dn: Dn): readonly [attribute: string, objectClass: string] {
  const found = CLASSES[dn.at(-1)?.[0]?.type ?? ''];
  if (found === undefined) throw new TypeError('no entry is named by this attribute');
  return found;
}

const unit = (value: string): Rdn => [{ type: OID.organizationalUnitName, value, string: 'utf8' }];
const commonName = (value: string): Rdn => [{ type: OID.commonName, value, string: 'utf8' }];
