// A small branch with keys of its own: a root, an authority, an OCSP responder and a server certificate, all built by
// src/x509 and signed by node:crypto, with the expectations that their lints take.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  SIGNATURE_ALGORITHMS,
  signatureAlgorithmFor,
  signatureAlgorithmIdentifier,
} from '../../src/x509/algorithms.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type Certificate,
  type CertificateFields,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  cRLDistributionPoints,
  type Extension,
  extendedKeyUsage,
  freshestCRL,
  keyUsage,
  ocspNoCheck,
  productCategory,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import type { ExpectedCaCertificate, ExpectedCertificate } from '../../src/x509/lint-certificate.ts';
import { buildName, type Name, type NameAttribute } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';

export type KeyKind = 'rsa' | 'P-256' | 'P-384';

export type Key = {
  readonly spki: Uint8Array;
  /** DER of the AlgorithmIdentifier with which it signs */
  readonly algorithm: Uint8Array;
  readonly privateKey: KeyObject;
  sign(data: Uint8Array): Uint8Array;
};

export function newKey(kind: KeyKind): Key {
  const { publicKey, privateKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: kind });
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  const algorithm = signatureAlgorithmFor(spki);
  return {
    spki,
    algorithm: signatureAlgorithmIdentifier(algorithm),
    privateKey,
    sign: (data) => sign(SIGNATURE_ALGORITHMS[algorithm].hash, data, privateKey),
  };
}

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
export const toHex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

const utf8 = (type: string, value: string): NameAttribute => ({ type, value, string: 'utf8' });

export const FRANCE: NameAttribute = { type: OID.countryName, value: 'FR', string: 'printable' };
const caName = (commonName: string): Name => [
  [FRANCE],
  [utf8(OID.organizationName, 'ASIP-SANTE')],
  [utf8(OID.organizationalUnitName, '0002 187512751')],
  [utf8(OID.organizationalUnitName, 'IGC-SANTE TEST')],
  [utf8(OID.commonName, commonName)],
];
export const serverName = (commonName: string): Name => [
  [FRANCE],
  [utf8(OID.stateOrProvinceName, "Côte-d'Or (21)")],
  [utf8(OID.organizationName, 'MINISTERE DE TEST7708')],
  [utf8(OID.organizationalUnitName, '300000000077081')],
  [utf8(OID.commonName, commonName)],
];

export const CPS = 'http://igc.example/PC%20TEST';
export const POLICY = { oid: '1.2.250.1.213.1.7.2.1.1.1.1', cpsUri: CPS };
const LDAP = 'ldap://annuaire.example/cn=TEST%20AC,ou=IGC-SANTE%20TEST,o=ASIP-SANTE,c=FR';
export const CRL_URIS = [
  'http://igc.example/CRL/ACI-EL-ORG-TEST.crl',
  `${LDAP}?certificaterevocationlist;binary?base?objectClass=pkiCA`,
];
export const FRESHEST_URIS = [`${LDAP}?deltarevocationlist;binary?base?objectClass=pkiCA`];
export const OCSP_URI = 'http://ocsp.example';
export const CA_ISSUERS_URI = 'http://igc.example/AC%20TEST/ACI-EL-ORG-TEST.cer';

export const SERIAL = hex('1d5de25e3dc14bde0011223344556677');
export const at = (text: string): Date => new Date(`${text}Z`);
export const CA_FROM = at('2024-06-25T00:00:00');
export const CA_UNTIL = at('2044-06-25T00:00:00');
export const FROM = at('2026-03-16T09:44:50');
export const UNTIL = at('2029-03-16T09:44:50');

export const issue = (fields: CertificateFields, key: Key): Certificate => {
  const tbs = buildTbsCertificate(fields);
  return parseCertificate(assembleSigned(tbs, fields.signatureAlgorithm, key.sign(tbs)));
};

/** A root without issuer, else an intermediate under it, with what lintCaCertificate expects. */
export function caFields(
  commonName: string,
  key: Key,
  issuer?: { certificate: Certificate; key: Key },
): { fields: CertificateFields; expected: ExpectedCaCertificate } {
  const subject = buildName(caName(commonName));
  const expected: ExpectedCaCertificate = {
    issuer: issuer?.certificate,
    subject,
    spki: key.spki,
    notBefore: CA_FROM,
    notAfter: CA_UNTIL,
    policy: { oid: OID.anyPolicy, cpsUri: CPS },
    crlUris: issuer && CRL_URIS,
  };
  const extensions = [
    basicConstraints(true, issuer && 0, true),
    keyUsage(['keyCertSign', 'cRLSign']),
    certificatePolicies(OID.anyPolicy, CPS),
    ...(issuer ? [cRLDistributionPoints(CRL_URIS)] : []),
    subjectKeyIdentifier(keyIdentifier(key.spki)),
    authorityKeyIdentifier(keyIdentifier((issuer?.key ?? key).spki)),
  ];
  const signatureAlgorithm = (issuer?.key ?? key).algorithm;
  const issuerName = issuer?.certificate.subject ?? subject;
  const fields = { serial: SERIAL, signatureAlgorithm, issuer: issuerName, notBefore: CA_FROM, notAfter: CA_UNTIL };
  return { fields: { ...fields, subject, spki: key.spki, extensions }, expected };
}

/** A server certificate, with what lintCertificate expects of it. */
export function serverFields(
  ca: { certificate: Certificate; key: Key },
  key: Key,
): { fields: CertificateFields; expected: ExpectedCertificate } {
  const names = [{ dns: 'serveur.example.fr' }, { dns: 'autre.example.fr' }];
  const extensions = [
    basicConstraints(false, undefined, false),
    subjectKeyIdentifier(keyIdentifier(key.spki)),
    authorityKeyIdentifier(keyIdentifier(ca.key.spki)),
    keyUsage(['digitalSignature', 'keyEncipherment']),
    certificatePolicies(POLICY.oid, POLICY.cpsUri),
    extendedKeyUsage([OID.serverAuth, OID.clientAuth]),
    subjectAltName(names),
    cRLDistributionPoints(CRL_URIS),
    freshestCRL(FRESHEST_URIS),
    authorityInfoAccess({ ocsp: OCSP_URI, caIssuers: CA_ISSUERS_URI }),
    productCategory('83'),
  ];
  const subject = buildName(serverName('serveur.example.fr'));
  const common = { subject, spki: key.spki, notBefore: FROM, notAfter: UNTIL };
  return {
    fields: {
      ...common,
      serial: SERIAL,
      signatureAlgorithm: ca.key.algorithm,
      issuer: ca.certificate.subject,
      extensions,
    },
    expected: {
      ...common,
      issuer: ca.certificate,
      extensions: extensions.map(({ oid, critical }) => ({ oid, critical })),
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: [OID.serverAuth, OID.clientAuth],
      policy: POLICY,
      subjectAltName: names,
      crlUris: CRL_URIS,
      freshestUris: FRESHEST_URIS,
      ocspUri: OCSP_URI,
      caIssuersUri: CA_ISSUERS_URI,
      productCategory: '83',
    },
  };
}

export const responderExtensions = (ca: Key, key: Key): Extension[] => [
  basicConstraints(false, undefined, false),
  subjectKeyIdentifier(keyIdentifier(key.spki)),
  authorityKeyIdentifier(keyIdentifier(ca.spki)),
  keyUsage(['digitalSignature']),
  extendedKeyUsage([OID.OCSPSigning]),
  ocspNoCheck(),
];

export type Holder = { readonly key: Key; readonly certificate: Certificate };
export type Branch = {
  readonly root: Holder;
  readonly ca: Holder;
  readonly responder: Holder;
  readonly server: Holder;
};

/** The four certificates; keys of the CAs are of `kind`, the others P-256. */
export function newBranch(kind: KeyKind): Branch {
  const rootKey = newKey(kind);
  const root = { key: rootKey, certificate: issue(caFields('TEST AC RACINE', rootKey).fields, rootKey) };
  const caKey = newKey(kind);
  const ca = { key: caKey, certificate: issue(caFields('TEST AC ORGANISATIONS', caKey, root).fields, rootKey) };
  const key = newKey('P-256');
  const server = { key, certificate: issue(serverFields(ca, key).fields, caKey) };
  const responderKey = newKey('P-256');
  const responderFields: CertificateFields = {
    serial: SERIAL,
    signatureAlgorithm: caKey.algorithm,
    issuer: ca.certificate.subject,
    notBefore: FROM,
    notAfter: at('2026-04-15T09:44:50'),
    subject: buildName(caName('OCSP TEST AC ORGANISATIONS')),
    spki: responderKey.spki,
    extensions: responderExtensions(caKey, responderKey),
  };
  const responder = { key: responderKey, certificate: issue(responderFields, caKey) };
  return { root, ca, responder, server };
}
