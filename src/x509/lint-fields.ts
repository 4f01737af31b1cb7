// Lint of the basic fields of a TBSCertificate, each against what was decided (RFC 5280 §4.1.2 TBSCertificate).
import type { Finding } from '../errors.ts';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from './algorithms.ts';
import { parseTime } from './certificate.ts';
import { type DerElement, readInteger, TAG } from './der.ts';
import { expect, type Rule, reading, sameBytes } from './lint-finding.ts';
import { lintSubject } from './lint-name.ts';

/** The eight parts of a TBSCertificate as they stand, and nothing else. */
export type TbsFields = {
  readonly version: DerElement;
  readonly serialNumber: DerElement;
  readonly signature: DerElement;
  readonly issuer: DerElement;
  readonly validity: DerElement;
  readonly subject: DerElement;
  readonly subjectPublicKeyInfo: DerElement;
  readonly extensions: DerElement;
};

export type ExpectedFields = {
  /** DER of the issuer's subject, its key and its validity */
  readonly issuer: {
    readonly subject: Uint8Array;
    readonly spki: Uint8Array;
    readonly notBefore: Date;
    readonly notAfter: Date;
  };
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** only the certificate of a root carries the key that signs it */
  readonly selfSigned: boolean;
};

/** Octets of a serial number: 128 random bits but the first. */
const SERIAL_OCTETS = 16;

const rule = (title: string, field: string, remedy: string): Rule => ({
  rule: `RFC 5280 ${title}`,
  at: `tbsCertificate.${field}`,
  remedy,
});

const VERSION = rule('§4.1.2.1 Version', 'version', 'write version 3, which extensions need');
const SERIAL = rule(
  '§4.1.2.2 Serial Number',
  'serialNumber',
  'draw 16 random octets, the first bit 0, the first octet not zero',
);
const SIGNATURE = rule('§4.1.2.3 Signature', 'signature', 'take the algorithm that belongs to the issuing key');
const ISSUER = rule('§4.1.2.4 Issuer', 'issuer', "copy the subject's bytes of the CA certificate");
const VALIDITY = rule('§4.1.2.5 Validity', 'validity', 'compute the validity from the profile, in whole seconds');
const SUBJECT = rule('§4.1.2.6 Subject', 'subject', 'take the subject of the plan');
const SPKI = rule('§4.1.2.7 Subject Public Key Info', 'subjectPublicKeyInfo', 'take the key of the request, unchanged');

/** The findings in the fields before the extensions. */
export function lintFields(fields: TbsFields, expected: ExpectedFields): Finding[] {
  return [
    ...lintVersion(fields.version),
    ...lintSerial(fields.serialNumber),
    ...lintSignature(fields.signature, expected.issuer.spki),
    ...expect(
      sameBytes(fields.issuer.bytes, expected.issuer.subject),
      ISSUER,
      "these are not the bytes of the CA's subject",
    ),
    ...reading(VALIDITY, () => lintValidity(fields.validity, expected)),
    ...expect(sameBytes(fields.subject.bytes, expected.subject), SUBJECT, 'this is not the subject that was decided'),
    ...lintSubject(fields.subject),
    ...lintSpki(fields.subjectPublicKeyInfo.bytes, expected),
  ];
}

function lintVersion(version: DerElement): Finding[] {
  const [number, ...rest] = version.children;
  const three = number?.tag === TAG.INTEGER && rest.length === 0 && readInteger(number) === 2n;
  return expect(version.tag === 0xa0 && three, VERSION, 'the version is not 3');
}

function lintSerial({ tag, content }: DerElement): Finding[] {
  const first = content[0] ?? 0;
  return [
    ...expect(tag === TAG.INTEGER && first < 0x80, SERIAL, 'the serial number is not positive'),
    ...expect(
      content.length === SERIAL_OCTETS && first !== 0,
      SERIAL,
      `the serial number has not ${SERIAL_OCTETS} octets`,
    ),
  ];
}

function lintSignature(signature: DerElement, issuerSpki: Uint8Array): Finding[] {
  const own = signatureAlgorithmIdentifier(signatureAlgorithmFor(issuerSpki));
  return expect(sameBytes(signature.bytes, own), SIGNATURE, 'the issuing key does not sign with this algorithm');
}

function lintValidity(validity: DerElement, { issuer, notBefore, notAfter }: ExpectedFields): Finding[] {
  const [from, until, ...rest] = validity.children;
  if (validity.tag !== TAG.SEQUENCE || from === undefined || until === undefined || rest.length > 0) {
    return expect(false, VALIDITY, 'a Validity is two times');
  }
  const [begins, ends] = [parseTime(from), parseTime(until)];
  return [
    ...expect(begins.getTime() === notBefore.getTime(), VALIDITY, 'notBefore is not the second that was decided'),
    ...expect(ends.getTime() === notAfter.getTime(), VALIDITY, 'notAfter is not the second that was decided'),
    ...expect(begins < ends, VALIDITY, 'the validity ends before it begins'),
    ...expect(begins >= issuer.notBefore && ends <= issuer.notAfter, VALIDITY, "the validity goes beyond the issuer's"),
  ];
}

function lintSpki(spki: Uint8Array, expected: ExpectedFields): Finding[] {
  const own = sameBytes(spki, expected.issuer.spki);
  return [
    ...expect(sameBytes(spki, expected.spki), SPKI, 'this is not the key that was decided'),
    ...expect(own === expected.selfSigned, SPKI, own ? "this is the CA's own key" : 'a root certifies its own key'),
  ];
}
