// What each certificate extension must say: its value read without the builders, what is expected instead, and its form.
import {
  type OtherGeneralName,
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
} from './extension-values.ts';
import { type GeneralName, KEY_USAGE_NAMES, type KeyUsageName } from './extensions.ts';
import { OID } from './oids.ts';

export type ExpectedExtension = { readonly oid: string; readonly critical: boolean };

/** What the extensions say; a value is needed exactly for the extensions that are expected. */
export type ExpectedValues = {
  readonly keyUsage: readonly KeyUsageName[];
  /** dotted, in order */
  readonly extendedKeyUsage?: readonly string[] | undefined;
  readonly policy?: { readonly oid: string; readonly cpsUri: string } | undefined;
  readonly subjectAltName?: readonly GeneralName[] | undefined;
  /** HTTP, then LDAP */
  readonly crlUris?: readonly string[] | undefined;
  /** LDAP */
  readonly freshestUris?: readonly string[] | undefined;
  readonly ocspUri?: string | undefined;
  readonly caIssuersUri?: string | undefined;
  readonly privateKeyUsagePeriod?: { readonly notBefore: Date; readonly notAfter: Date } | undefined;
  /** two lower-case hexadecimal digits */
  readonly productCategory?: string | undefined;
  readonly cardType?: number | undefined;
  readonly cardNumber?: string | undefined;
  readonly profession?: number | undefined;
};

export type ExpectedExtensions = {
  /** in DER order */
  readonly list: readonly ExpectedExtension[];
  readonly values: ExpectedValues;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLen?: number };
  /** RFC 5280 method 1, of the subject and of the issuer */
  readonly subjectKeyIdentifier: Uint8Array;
  readonly authorityKeyIdentifier: Uint8Array;
  /** the subject's CN, which the DNS names contain */
  readonly commonName: string | undefined;
};

/** How a value is read and what it should be, both as data that JSON tells apart; `form` looks at more than equality. */
type ValueRule = {
  readonly title: string;
  read(value: Uint8Array): unknown;
  want(expected: ExpectedExtensions): unknown;
  form?(value: Uint8Array, expected: ExpectedExtensions): string | undefined;
};

const RFC_5280 = 'RFC 5280 §4.2';
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The rule of every extension that we write, by OID. */
export const VALUE_RULES: Readonly<Record<string, ValueRule>> = {
  [OID.basicConstraints]: {
    title: `${RFC_5280}.1.9 Basic Constraints`,
    read: readBasicConstraints,
    want: ({ basicConstraints }) => basicConstraints,
  },
  [OID.subjectKeyIdentifier]: {
    title: `${RFC_5280}.1.2 Subject Key Identifier`,
    read: (value) => hex(readSubjectKeyIdentifier(value)),
    want: ({ subjectKeyIdentifier }) => hex(subjectKeyIdentifier),
  },
  [OID.authorityKeyIdentifier]: {
    title: `${RFC_5280}.1.1 Authority Key Identifier`,
    read: (value) => hex(readAuthorityKeyIdentifier(value)),
    want: ({ authorityKeyIdentifier }) => hex(authorityKeyIdentifier),
  },
  [OID.keyUsage]: {
    title: `${RFC_5280}.1.3 Key Usage`,
    read: readKeyUsage,
    want: ({ values }) => KEY_USAGE_NAMES.filter((name) => values.keyUsage.includes(name)),
  },
  [OID.extKeyUsage]: {
    title: `${RFC_5280}.1.12 Extended Key Usage`,
    read: readExtendedKeyUsage,
    want: ({ values }) => values.extendedKeyUsage,
  },
  [OID.certificatePolicies]: {
    title: `${RFC_5280}.1.4 Certificate Policies`,
    read: readCertificatePolicies,
    want: ({ values: { policy } }) => policy && [{ oid: policy.oid, cpsUri: policy.cpsUri }],
    form: (value) =>
      wrongUris(
        readCertificatePolicies(value).flatMap(({ cpsUri }) => cpsUri ?? []),
        ['http'],
      ),
  },
  [OID.privateKeyUsagePeriod]: {
    title: 'RFC 3280 §4.2.1.4 Private Key Usage Period',
    read: readPrivateKeyUsagePeriod,
    want: ({ values: { privateKeyUsagePeriod: period } }) =>
      period && { notBefore: period.notBefore, notAfter: period.notAfter },
  },
  [OID.subjectAltName]: {
    title: `${RFC_5280}.1.6 Subject Alternative Name`,
    read: readSubjectAltName,
    want: ({ values }) => values.subjectAltName,
    form: (value, { commonName }) => {
      const names = readSubjectAltName(value);
      return wrongDnsNames(names, commonName) ?? wrongMailboxes(names);
    },
  },
  [OID.cRLDistributionPoints]: {
    title: `${RFC_5280}.1.13 CRL Distribution Points`,
    read: readDistributionPoints,
    want: ({ values }) => values.crlUris,
    form: (value) => wrongUris(readDistributionPoints(value), ['http', 'ldap']),
  },
  [OID.freshestCRL]: {
    title: `${RFC_5280}.1.15 Freshest CRL`,
    read: readDistributionPoints,
    want: ({ values }) => values.freshestUris,
    form: (value) => wrongUris(readDistributionPoints(value), ['ldap']),
  },
  [OID.authorityInfoAccess]: {
    title: `${RFC_5280}.2.1 Authority Information Access`,
    read: readAuthorityInfoAccess,
    want: ({ values: { ocspUri, caIssuersUri } }) =>
      ocspUri &&
      caIssuersUri && [
        { method: OID.ocsp, uri: ocspUri },
        { method: OID.caIssuers, uri: caIssuersUri },
      ],
    form: (value) =>
      wrongUris(
        readAuthorityInfoAccess(value).map(({ uri }) => uri),
        ['http', 'http'],
      ),
  },
  [OID.ocspNoCheck]: {
    title: 'RFC 6960 §4.2.2.2.1 Revocation Checking of an Authorized Responder',
    read: hex,
    want: () => '0500',
  },
  [OID.productCategory]: {
    title: 'TRE_G01 product category',
    read: readProductCategory,
    want: ({ values }) => values.productCategory,
  },
  [OID.cardType]: {
    title: 'TRE_G02 card type',
    read: (value) => Number(readUnsigned(value)),
    want: ({ values }) => values.cardType,
  },
  [OID.cardNumber]: { title: 'card number', read: readCardNumber, want: ({ values }) => values.cardNumber },
  [OID.profession]: {
    title: 'TRE_G15 profession',
    read: (value) => Number(readUnsigned(value)),
    want: ({ values }) => values.profession,
  },
};

/** RFC 3986 §2 Characters: reserved, unreserved, and percent-encoded pairs; nothing else. */
const URI = /^([a-z]+):\/\/[a-z0-9.-]+(:\d+)?(\/([A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?$/;

function wrongUris(uris: readonly string[], schemes: readonly string[]): string | undefined {
  const found = uris.map((uri) => URI.exec(uri)?.[1]);
  return JSON.stringify(found) === JSON.stringify(schemes)
    ? undefined
    : `what is expected here are URIs with the schemes ${schemes.join(', ')}, percent-encoded`;
}

/** RFC 5280 §4.2.1.6: DNS names in the preferred name syntax of RFC 1034 §3.5, at least two labels, no wildcard. */
const DNS_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

function wrongDnsNames(
  names: readonly (GeneralName | OtherGeneralName)[],
  commonName: string | undefined,
): string | undefined {
  const dns = names.flatMap((name) => ('dns' in name ? [name.dns] : []));
  if (!dns.every((name) => DNS_NAME.test(name))) return 'a DNS name is not in the preferred name syntax';
  if (new Set(dns.map((name) => name.toLowerCase())).size < dns.length) return 'a DNS name stands twice';
  return dns.length > 0 && !dns.includes(commonName ?? '') ? 'the DNS names do not contain the CN' : undefined;
}

/** RFC 5321 §4.1.2 Mailbox: a Dot-string, and a domain in lower case (RFC 5280 §4.2.1.6 compares it case-insensitively). */
const MAILBOX =
  /^(?=.{1,254}$)(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

function wrongMailboxes(names: readonly (GeneralName | OtherGeneralName)[]): string | undefined {
  const mailboxes = names.flatMap((name) => ('rfc822Name' in name ? [name.rfc822Name] : []));
  if (!mailboxes.every((mailbox) => MAILBOX.test(mailbox)))
    return 'an rfc822Name is no mailbox with a lower-case domain';
  const once = new Set(mailboxes.map((mailbox) => mailbox.toLowerCase()));
  return once.size < mailboxes.length ? 'a mailbox stands twice' : undefined;
}
