// What a TBSCertificate must be before a CA's key signs it: of that CA, for an end entity, and for not too long.
import type { Finding } from '../src/errors.ts';
import { type Certificate, extensionOf, parseTbsCertificate } from '../src/x509/certificate.ts';
import { DerError, readDer } from '../src/x509/der.ts';
import { NULL } from '../src/x509/der-writer.ts';
import {
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsage,
  readKeyUsage,
} from '../src/x509/extension-values.ts';
import { keyAlgorithmOf } from '../src/x509/keys.ts';
import { OID } from '../src/x509/oids.ts';
import type { Duty, PurposeContext } from './purpose.ts';
import { checkFunction } from './purpose-function.ts';
import type { IssuingKey } from './signing-key.ts';

type Tbs = Omit<Certificate, 'der' | 'tbs' | 'signature'>;
type Finder = (tbs: Tbs, context: PurposeContext) => Finding[];

const DAY = 86_400_000;
const HOUR = 3_600_000;
const RESPONDER_DAYS = 30;
const LEAST_SERIAL_OCTETS = 8;

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const unless = (good: boolean, rule: string, detail: string): Finding[] => (good ? [] : [{ rule, detail }]);

/** Every reason not to sign this as an end-entity or OCSP responder certificate. Throws DerError where it is neither. */
export function checkCertificate(tbsBytes: Uint8Array, context: PurposeContext): Finding[] {
  const tbs = parseTbsCertificate(readDer(tbsBytes));
  const finders = [checkCommon, checkIssuer, checkEndEntity, checkSubject, checkDuty];
  return finders.flatMap((find) => find(tbs, context));
}

/** Every reason not to sign this as a CA's certificate in a ceremony. Throws DerError where it is none. */
export function checkAuthorityCertificate(tbsBytes: Uint8Array, context: PurposeContext): Finding[] {
  const tbs = parseTbsCertificate(readDer(tbsBytes));
  const { ca } = readBasicConstraints(extensionValue(tbs, OID.basicConstraints) ?? Uint8Array.of(0x30, 0));
  const own = context.key !== undefined && same(tbs.spki, context.key.spki);
  return [
    ...checkCommon(tbs, context),
    ...unless(ca, 'RFC 5280 §4.2.1.9 Basic Constraints', 'a ceremony signs certificates of CAs only'),
    ...unless(
      usagesOf(tbs).includes('keyCertSign'),
      'RFC 5280 §4.2.1.3 Key Usage',
      'the key of a CA signs certificates',
    ),
    ...unless(
      !own || same(tbs.issuer, tbs.subject),
      'RFC 5280 §3.2 Certification Paths and Trust',
      'a key that certifies itself has one name',
    ),
  ];
}

const extensionValue = (tbs: Tbs, oid: string): Uint8Array | undefined => extensionOf(tbs, oid)?.value;

const usagesOf = (tbs: Tbs): readonly string[] => {
  const value = extensionValue(tbs, OID.keyUsage);
  return value === undefined ? [] : readKeyUsage(value);
};

const purposesOf = (tbs: Tbs): readonly string[] => {
  const value = extensionValue(tbs, OID.extKeyUsage);
  return value === undefined ? [] : readExtendedKeyUsage(value);
};

const checkCommon: Finder = (tbs, { key, keyId }) => {
  const keyIdentifier = extensionValue(tbs, OID.authorityKeyIdentifier);
  // a value that is no DER at all must not reach relying parties, whichever extension it stands in
  for (const { value } of tbs.extensions) readDer(value);
  if (keyAlgorithmOf(tbs.spki) === undefined)
    throw new DerError('the public key is of no kind that is certified here', 0);
  return [
    ...unless(
      key !== undefined && same(tbs.signatureAlgorithm, key.algorithmIdentifier),
      'RFC 5280 §4.1.2.3 Signature',
      `the algorithm inside is not ${key?.algorithm}, which this key signs with`,
    ),
    ...unless(
      tbs.serial.length >= LEAST_SERIAL_OCTETS,
      'RFC 5280 §4.1.2.2 Serial Number',
      `a serial number has at least ${LEAST_SERIAL_OCTETS} octets`,
    ),
    ...unless(
      keyIdentifier !== undefined && same(readAuthorityKeyIdentifier(keyIdentifier), keyId),
      'RFC 5280 §4.2.1.1 Authority Key Identifier',
      'the authority key is not the one that is asked to sign',
    ),
  ];
};

const isIssuing = (key: PurposeContext['key']): key is IssuingKey => key !== undefined && 'certificate' in key;

const checkIssuer: Finder = (tbs, { key, now, toleranceMs }) => {
  if (!isIssuing(key)) return [{ rule: 'what this key is for', detail: 'this key is no CA’s' }];
  const { certificate } = key;
  const longest = new Date(tbs.notBefore);
  longest.setUTCFullYear(longest.getUTCFullYear() + 3);
  longest.setUTCMonth(longest.getUTCMonth() + 1);
  return [
    ...unless(
      same(tbs.issuer, certificate.subject),
      'RFC 5280 §4.1.2.4 Issuer',
      `the issuer is not, octet for octet, the subject of ${key.id}`,
    ),
    // else whoever holds a socket for a moment has certificates for the whole life of the CA
    ...unless(
      Math.abs(tbs.notBefore.getTime() - now.getTime()) <= toleranceMs,
      'RFC 5280 §4.1.2.5 Validity',
      `notBefore is more than ${toleranceMs / 1000} s from the signer's clock`,
    ),
    ...unless(
      tbs.notBefore >= certificate.notBefore && tbs.notAfter <= certificate.notAfter,
      'RFC 5280 §4.1.2.5 Validity',
      `the validity is not inside that of ${key.id}`,
    ),
    // an hour more, for the month is counted in Paris and may begin in summer and end in winter
    ...unless(
      tbs.notAfter.getTime() <= longest.getTime() + HOUR,
      'RFC 5280 §4.1.2.5 Validity',
      'the validity is longer than three years and a month',
    ),
  ];
};

const checkEndEntity: Finder = (tbs) => {
  const constraints = extensionOf(tbs, OID.basicConstraints);
  const usages = usagesOf(tbs);
  return [
    ...unless(
      constraints === undefined || same(constraints.value, Uint8Array.of(0x30, 0)),
      'RFC 5280 §4.2.1.9 Basic Constraints',
      'this key signs no certificate of a CA',
    ),
    ...unless(
      usages.length > 0 && !usages.includes('keyCertSign') && !usages.includes('cRLSign'),
      'RFC 5280 §4.2.1.3 Key Usage',
      'an end entity has a key usage, and signs neither certificates nor lists',
    ),
  ];
};

const checkSubject: Finder = (tbs, { authorities }) => [
  ...unless(
    authorities.every(({ spki }) => !same(spki, tbs.spki)),
    'RFC 5280 §4.1.2.7 Subject Public Key Info',
    'the public key is a CA’s',
  ),
  ...unless(
    tbs.subjectName.length > 0 && authorities.every(({ certificate }) => !same(certificate.subject, tbs.subject)),
    'RFC 5280 §4.1.2.6 Subject',
    'the subject is empty, or a CA’s',
  ),
];

/** An OCSPSigning certificate speaks for the CA: it is short, has nocheck, is nothing else, and is a duty of its own. */
const checkDuty: Finder = (tbs, { duties }) => {
  const purposes = purposesOf(tbs);
  const noCheck = extensionOf(tbs, OID.ocspNoCheck);
  const responder = noCheck !== undefined || purposes.includes(OID.OCSPSigning);
  const duty: Duty = responder ? 'OCSP responder certificate' : 'end-entity certificate';
  const findings = unless(
    duties.includes(duty),
    'what this socket may have signed',
    `an ${duty} is not signed for this caller`,
  );
  if (!responder) {
    return [
      ...findings,
      ...unless(
        !purposes.includes(OID.anyExtendedKeyUsage),
        'RFC 5280 §4.2.1.12 Extended Key Usage',
        'anyExtendedKeyUsage would let it answer OCSP',
      ),
      ...checkFunction(tbs),
    ];
  }
  return [
    ...findings,
    ...unless(
      usagesOf(tbs).join() === 'digitalSignature',
      'RFC 6960 §4.2.2.2 Authorized Responders',
      'the key of a responder signs its responses and does nothing else',
    ),
    ...unless(
      purposes.length === 1 && purposes[0] === OID.OCSPSigning,
      'RFC 6960 §4.2.2.2 Authorized Responders',
      'a responder’s certificate is for OCSPSigning and nothing else',
    ),
    ...unless(
      noCheck !== undefined && same(noCheck.value, NULL),
      'RFC 6960 §4.2.2.2.1 Revocation Checking of an Authorized Responder',
      'id-pkix-ocsp-nocheck is missing, or not NULL',
    ),
    ...unless(
      tbs.notAfter.getTime() - tbs.notBefore.getTime() <= RESPONDER_DAYS * DAY,
      'RFC 6960 §4.2.2.2.1 Revocation Checking of an Authorized Responder',
      `a responder’s certificate, which nobody can revoke, lasts at most ${RESPONDER_DAYS} days`,
    ),
  ];
};
