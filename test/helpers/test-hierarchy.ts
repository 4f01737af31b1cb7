// A root and its intermediates in the tokens of a test, and structures to be signed by them, good ones and every kind of bad one.
import { generateKeyPairSync } from 'node:crypto';
import type { CeremonyToken } from '#hsm/ceremony.ts';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type Certificate,
  type CertificateFields,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import { buildTbsCertList, type CrlEntry } from '../../src/x509/crl.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  cRLNumber,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  ocspNoCheck,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import { type KeyAlgorithm, keyIdentifier } from '../../src/x509/keys.ts';
import { buildName } from '../../src/x509/names.ts';
import { buildResponseData, certIdFor, type ResponseDataFields } from '../../src/x509/ocsp.ts';
import { OID } from '../../src/x509/oids.ts';
import { wholeSecond } from '../../src/x509/seconds.ts';
import type { Signable } from '../../src/x509/signable.ts';

export type TestAuthority = { readonly id: string; readonly keyId: Uint8Array; readonly certificate: Certificate };

const DAY = 86_400_000;
const YEAR = 365 * DAY;

export const now = (): Date => wholeSecond(new Date());
export const after = (date: Date, ms: number): Date => new Date(date.getTime() + ms);

export const nameOf = (commonName: string): Uint8Array =>
  buildName([
    [{ type: OID.countryName, value: 'FR', string: 'printable' }],
    [{ type: OID.commonName, value: commonName, string: 'utf8' }],
  ]);

/** The signer believes nobody; its tests hand it bytes that no lint would let through. */
export const unlinted = (tbs: Uint8Array, kind: Signable['kind'] = 'certificate'): Signable =>
  ({ kind, tbs }) as Signable;

export const SERIAL = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

/** Makes a CA: a key in `holder`, its certificate signed by `root`, which signs its own when there is no `issuer`. */
export async function createAuthority(
  id: string,
  options: { root: CeremonyToken; holder: CeremonyToken; algorithm: KeyAlgorithm; issuer?: TestAuthority },
): Promise<TestAuthority> {
  const { root, holder, algorithm, issuer } = options;
  const key = await holder.generateKey(algorithm);
  const issuerSpki = issuer?.certificate.spki ?? key.spki;
  const issuerKeyId = issuer?.keyId ?? key.keyId;
  const signatureAlgorithm = signatureAlgorithmIdentifier(signatureAlgorithmFor(issuerSpki));
  const tbs = buildTbsCertificate({
    serial: SERIAL,
    signatureAlgorithm,
    issuer: issuer?.certificate.subject ?? nameOf(id),
    notBefore: after(now(), -YEAR),
    notAfter: after(now(), 10 * YEAR),
    subject: nameOf(id),
    spki: key.spki,
    extensions: [
      basicConstraints(true, issuer === undefined ? undefined : 0, true),
      keyUsage(['keyCertSign', 'cRLSign']),
      subjectKeyIdentifier(key.keyId),
      authorityKeyIdentifier(issuerKeyId),
    ],
  });
  const signature = await root.sign(issuerKeyId, unlinted(tbs));
  return { id, keyId: key.keyId, certificate: parseCertificate(assembleSigned(tbs, signatureAlgorithm, signature)) };
}

/** A public key of which nobody has the private half. */
export function paperKey(algorithm: KeyAlgorithm): Uint8Array {
  const pair =
    algorithm.type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: algorithm.bits })
      : generateKeyPairSync('ec', { namedCurve: algorithm.curve });
  return new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));
}

/** A CA on paper, for tests that sign nothing: its certificate's signature is not one. */
export function paperAuthority(id: string, algorithm: KeyAlgorithm): TestAuthority {
  const spki = paperKey(algorithm);
  const keyId = keyIdentifier(spki);
  const signatureAlgorithm = signatureAlgorithmIdentifier(signatureAlgorithmFor(spki));
  const tbs = buildTbsCertificate({
    serial: SERIAL,
    signatureAlgorithm,
    issuer: nameOf('root on paper'),
    notBefore: after(now(), -YEAR),
    notAfter: after(now(), 10 * YEAR),
    subject: nameOf(id),
    spki,
    extensions: [basicConstraints(true, 0, true), keyUsage(['keyCertSign', 'cRLSign']), authorityKeyIdentifier(keyId)],
  });
  return { id, keyId, certificate: parseCertificate(assembleSigned(tbs, signatureAlgorithm, new Uint8Array(8))) };
}

export const algorithmOf = ({ certificate }: TestAuthority): Uint8Array =>
  signatureAlgorithmIdentifier(signatureAlgorithmFor(certificate.spki));

/** The fields of a good end-entity certificate of `authority` for the key `spki`. */
export const endEntity = (authority: TestAuthority, spki: Uint8Array): CertificateFields => ({
  serial: SERIAL,
  signatureAlgorithm: algorithmOf(authority),
  issuer: authority.certificate.subject,
  notBefore: now(),
  notAfter: after(now(), 3 * YEAR),
  subject: nameOf('end entity'),
  spki,
  extensions: [
    basicConstraints(false, undefined, false),
    subjectKeyIdentifier(keyIdentifier(spki)),
    authorityKeyIdentifier(authority.keyId),
    keyUsage(['digitalSignature']),
    extendedKeyUsage([OID.clientAuth]),
  ],
});

/** The same with one extension put in the place of its like, added, or left out. */
export const withExtension = (fields: CertificateFields, extension: Extension): CertificateFields => ({
  ...fields,
  extensions: [...fields.extensions.filter(({ oid }) => oid !== extension.oid), extension],
});
export const withoutExtension = (fields: CertificateFields, oid: string): CertificateFields => ({
  ...fields,
  extensions: fields.extensions.filter((extension) => extension.oid !== oid),
});

/** The fields of a good OCSP responder certificate. */
export const responder = (authority: TestAuthority, spki: Uint8Array): CertificateFields => {
  const fields = { ...endEntity(authority, spki), notAfter: after(now(), 30 * DAY) };
  return withExtension(withExtension(fields, extendedKeyUsage([OID.OCSPSigning])), ocspNoCheck());
};

export const certificateTbs = (fields: CertificateFields): Signable => unlinted(buildTbsCertificate(fields));

type CertListParts = Parameters<typeof buildTbsCertList>[0];

/** The fields of a good CRL of `authority` with `count` entries. */
export const certList = (authority: TestAuthority, count = 3): CertListParts => ({
  signatureAlgorithm: algorithmOf(authority),
  issuer: authority.certificate.subject,
  thisUpdate: now(),
  nextUpdate: after(now(), 6 * DAY),
  entries: entries(count),
  extensions: [authorityKeyIdentifier(authority.keyId), cRLNumber(7n)],
});

function entries(count: number): CrlEntry[] {
  const revokedAt = after(now(), -DAY);
  return Array.from({ length: count }, (_, index) => {
    const serial = Buffer.alloc(16, 0x5a);
    serial.writeUInt32BE(index, 12);
    return { serial, revokedAt: after(revokedAt, -1000 * (index % 100_000)) };
  });
}

export const certListTbs = (parts: CertListParts): Signable => unlinted(buildTbsCertList(parts), 'crl');

/** The fields of a good OCSP answer of the key `keyId`. */
export const responseData = (authority: TestAuthority, keyId: Uint8Array): ResponseDataFields => ({
  responderKeyHash: keyId,
  producedAt: now(),
  responses: [
    {
      certIdDer: certIdFor(authority.certificate.subject, authority.certificate.spki, SERIAL),
      status: { good: true },
      thisUpdate: now(),
      nextUpdate: after(now(), DAY),
    },
  ],
});

export const responseTbs = (fields: ResponseDataFields): Signable => unlinted(buildResponseData(fields), 'ocsp');
