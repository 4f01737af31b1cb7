// What stands in a certificate, in words for people: every field read back from its DER, nothing taken from what built it.

import { createHash } from 'node:crypto';
import type { Certificate } from '../../src/x509/certificate.ts';
import { readDer, TAG } from '../../src/x509/der.ts';
import {
  readAuthorityInfoAccess,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readCardNumber,
  readCertificatePolicies,
  readDistributionPoints,
  readExtendedKeyUsage,
  readKeyUsage,
  readPrivateKeyUsagePeriod,
  readProductCategory,
  readSubjectAltName,
  readSubjectKeyIdentifier,
  readUnsigned,
} from '../../src/x509/extension-values.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import { keyAlgorithmOf, keyIdentifier, parseRsaPublicKey, parseSpki } from '../../src/x509/keys.ts';
import type { Name, NameAttribute } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';

/** The RFC's name of an OID that is known here, else the OID. */
export const wordOf = (oid: string): string => Object.entries(OID).find(([, known]) => known === oid)?.[0] ?? oid;

const STRING_TYPES: Readonly<Record<NameAttribute['string'], string>> = {
  printable: 'PrintableString',
  utf8: 'UTF8String',
  ia5: 'IA5String',
  other: 'another string type',
};

/** What replaces a value that says who somebody is; the identity for certificates of nobody. */
export type Veil = (attribute: string, value: string) => string;
export const NO_VEIL: Veil = (_, value) => value;

const STATED = new Set(['title', 'countryName', 'stateOrProvinceName', 'organizationName', 'organizationalUnitName']);

/** Hides names, numbers and mailboxes of a person, but not how they are written. */
export const PERSON_VEIL: Veil = (attribute, value) => {
  if (STATED.has(attribute)) return value;
  if (attribute === 'cardNumber') return value.replace(/[0-9]/g, 'n');
  if (attribute === 'rfc822Name') return value.replace(/^[^@]*/, '[…]');
  if (attribute === 'userPrincipalName') {
    return value.replace(/^[^@]*/, (local) => local.replace(/[0-9]/g, 'n').replace(/[A-Z]/g, 'A'));
  }
  return '[…]';
};

/** One line for each RDN in DER order, its attributes in DER order. */
export const describeName = (name: Name, veil: Veil = NO_VEIL): string[] =>
  name.map((rdn) =>
    rdn
      .map(({ type, value, string }) => `${wordOf(type)}=${veil(wordOf(type), value)} (${STRING_TYPES[string]})`)
      .join(' + '),
  );

export function describeKey(spki: Uint8Array): string {
  const key = keyAlgorithmOf(spki);
  if (key?.type !== 'rsa') return `EC, ${key?.curve ?? 'another curve'}`;
  return `RSA, ${key.bits} bits, exponent ${parseRsaPublicKey(parseSpki(spki).publicKey).exponent}`;
}

const iso = (date: Date): string => date.toISOString().replace('.000', '');
const colons = (octets: Uint8Array): string =>
  Buffer.from(octets)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');

/** Critical or not, and what the extension says, a line for each thing. */
export function describeExtension(extension: Extension, { spki }: Certificate, veil: Veil = NO_VEIL): string[] {
  const read = READERS[extension.oid];
  const says = read?.(extension.value, { spki, veil }) ?? [`DER ${Buffer.from(extension.value).toString('hex')}`];
  return [extension.critical ? 'critical' : 'not critical', ...says];
}

type Around = { readonly spki: Uint8Array; readonly veil: Veil };

const READERS: Readonly<Record<string, (value: Uint8Array, around: Around) => string[]>> = {
  [OID.basicConstraints]: (value) => {
    const { ca, pathLen } = readBasicConstraints(value);
    return [ca ? `CA, ${pathLen === undefined ? 'no pathLen' : `pathLen ${pathLen}`}` : 'no CA'];
  },
  [OID.subjectKeyIdentifier]: (value, { spki }) => [methodOf(readSubjectKeyIdentifier(value), spki)],
  [OID.authorityKeyIdentifier]: (value) => [`keyIdentifier alone, ${readAuthorityKeyIdentifier(value).length} octets`],
  [OID.keyUsage]: readKeyUsage,
  [OID.extKeyUsage]: (value) => readExtendedKeyUsage(value).map(wordOf),
  [OID.certificatePolicies]: (value) =>
    readCertificatePolicies(value).flatMap(({ oid, cpsUri }) => [wordOf(oid), ...(cpsUri ? [`CPS ${cpsUri}`] : [])]),
  [OID.privateKeyUsagePeriod]: (value) => {
    const { notBefore, notAfter } = readPrivateKeyUsagePeriod(value);
    return [`${iso(notBefore)} to ${iso(notAfter)}, GeneralizedTime`];
  },
  [OID.subjectAltName]: (value, { veil }) =>
    readSubjectAltName(value).map((name) => {
      if ('dns' in name) return `dNSName ${name.dns}`;
      if ('rfc822Name' in name) return `rfc822Name ${veil('rfc822Name', name.rfc822Name)}`;
      if ('upn' in name) return `userPrincipalName ${veil('userPrincipalName', name.upn)} (UTF8String)`;
      return `a name of tag ${name.other}`;
    }),
  [OID.cRLDistributionPoints]: readDistributionPoints,
  [OID.freshestCRL]: readDistributionPoints,
  [OID.authorityInfoAccess]: (value) =>
    readAuthorityInfoAccess(value).map(({ method, uri }) => `${wordOf(method)} ${uri}`),
  [OID.ocspNoCheck]: () => ['NULL'],
  [OID.productCategory]: (value) => [`${readProductCategory(value)} (TRE_G01), OCTET STRING`],
  [OID.cardType]: (value) => [`${readUnsigned(value)} (TRE_G02), INTEGER`],
  [OID.cardNumber]: (value, { veil }) => [`${veil('cardNumber', readCardNumber(value))}, PrintableString`],
  [OID.profession]: (value) => [`${readUnsigned(value)} (TRE_G15), INTEGER`],
};

/** How a subject key identifier comes from the key (RFC 5280 §4.2.1.2 Subject Key Identifier). */
function methodOf(identifier: Uint8Array, spki: Uint8Array): string {
  const is = (digest: Uint8Array): boolean => Buffer.compare(identifier, digest) === 0;
  if (is(keyIdentifier(spki))) return 'SHA-1 of the bits of the key (method 1)';
  if (is(createHash('sha1').update(spki).digest())) return 'SHA-1 of the whole SubjectPublicKeyInfo';
  return `${identifier.length} octets of another method`;
}

/** notBefore and notAfter as they stand, and how long that is. */
export function describeValidity({ notBefore, notAfter, tbs }: Certificate): string[] {
  const [from, until] = readDer(tbs).children[4]?.children ?? [];
  const types = [from, until].map((time) => (time?.tag === TAG.UTC_TIME ? 'UTCTime' : 'GeneralizedTime'));
  return [`${iso(notBefore)} (${types[0]})`, `${iso(notAfter)} (${types[1]})`, durationOf(notBefore, notAfter)];
}

function durationOf(from: Date, until: Date): string {
  let months = (until.getUTCFullYear() - from.getUTCFullYear()) * 12 + until.getUTCMonth() - from.getUTCMonth();
  const after = (count: number): Date => {
    const date = new Date(from);
    date.setUTCMonth(date.getUTCMonth() + count);
    return date;
  };
  if (after(months) > until) months -= 1;
  const days = Math.round((until.getTime() - after(months).getTime()) / 86_400_000);
  const parts = [plural(Math.floor(months / 12), 'year'), plural(months % 12, 'month'), plural(days, 'day')];
  return parts.filter((part) => part !== '').join(', ');
}

const plural = (count: number, unit: string): string =>
  count === 0 ? '' : `${count} ${unit}${count === 1 ? '' : 's'}`;

export const serialText = ({ serial }: Certificate): string => colons(serial);
