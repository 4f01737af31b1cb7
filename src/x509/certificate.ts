// X.509 certificates: the to-be-signed part written from its fields, and the strict reader.
import { type DerElement, DerError, readBitStringOctets, readDer, readInteger, readTime, TAG } from './der.ts';
import { bitString, explicit, integer, sequence, time } from './der-writer.ts';
import { type Extension, encodeExtensions, parseExtensions } from './extensions.ts';
import { type Name, parseName } from './names.ts';

export type CertificateFields = {
  /** contents octets of the serial's INTEGER, big-endian, first bit 0 */
  readonly serial: Uint8Array;
  /** DER of the AlgorithmIdentifier */
  readonly signatureAlgorithm: Uint8Array;
  /** DER of the issuer's Name */
  readonly issuer: Uint8Array;
  /** whole seconds */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER of the subject's Name */
  readonly subject: Uint8Array;
  /** DER of the SubjectPublicKeyInfo */
  readonly spki: Uint8Array;
  /** in DER order */
  readonly extensions: readonly Extension[];
};

/** A certificate as read; every byte field is a view of `der`. */
export type Certificate = CertificateFields & {
  readonly der: Uint8Array;
  /** DER of the TBSCertificate, that is what the signature covers */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
  readonly subjectName: Name;
  readonly issuerName: Name;
};

const V3 = explicit(0, integer(2));

/** The DER of a version 3 TBSCertificate (RFC 5280 §4.1 Basic Certificate Fields). */
export function buildTbsCertificate(fields: CertificateFields): Uint8Array {
  return sequence(
    V3,
    integer(fields.serial),
    fields.signatureAlgorithm,
    fields.issuer,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    fields.spki,
    explicit(3, encodeExtensions(fields.extensions)),
  );
}

/** Joins a TBSCertificate or TBSCertList, the DER of the AlgorithmIdentifier and the signature's octets. */
export const assembleSigned = (tbs: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array =>
  sequence(tbs, algorithm, bitString(signature));

/**
 * Reads a certificate strictly (RFC 5280 §4.1): version 3 with extensions, each once; serial positive, at most 20 octets; the two
 * algorithm identifiers alike; time types by year; no unique identifiers. Throws DerError. Checks no signature.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const { tbs, algorithm, signature } = splitSigned(readDer(der));
  const fields = parseTbsCertificate(tbs);
  if (Buffer.compare(algorithm.bytes, fields.signatureAlgorithm) !== 0) {
    throw new DerError('the two signature algorithms differ', algorithm.offset);
  }
  return { ...fields, der, tbs: tbs.bytes, signature };
}

/** The three parts of anything signed in X.509's way. Throws DerError. */
function splitSigned(whole: DerElement): { tbs: DerElement; algorithm: DerElement; signature: Uint8Array } {
  const [tbs, algorithm, signature, ...rest] = whole.children;
  if (whole.tag !== TAG.SEQUENCE || tbs?.tag !== TAG.SEQUENCE || algorithm?.tag !== TAG.SEQUENCE) {
    throw new DerError('a signed object is a SEQUENCE of what is signed, algorithm and signature', whole.offset);
  }
  if (signature === undefined || rest.length > 0) throw new DerError('a signed object has three parts', whole.offset);
  return { tbs, algorithm, signature: readBitStringOctets(signature) };
}

/** The fields of a TBSCertificate element. Throws DerError. */
export function parseTbsCertificate(tbs: DerElement): Omit<Certificate, 'der' | 'tbs' | 'signature'> {
  const [version, serial, signatureAlgorithm, issuer, validity, subject, spki, extensions, ...rest] = tbs.children;
  if (extensions === undefined || rest.length > 0) {
    throw new DerError('a TBSCertificate has eight fields here: no unique identifiers, always extensions', tbs.offset);
  }
  const [list, ...more] = extensions.children;
  if (extensions.tag !== 0xa3 || list === undefined || more.length > 0) {
    throw new DerError('the extensions are in [3]', extensions.offset);
  }
  return {
    ...checkedVersion(version),
    serial: parseSerial(serial),
    signatureAlgorithm: sequenceBytes(signatureAlgorithm),
    issuer: sequenceBytes(issuer),
    issuerName: parseName(present(issuer)),
    ...parseValidity(present(validity)),
    subject: sequenceBytes(subject),
    subjectName: parseName(present(subject)),
    spki: sequenceBytes(spki),
    extensions: parseExtensions(list),
  };
}

function present(field: DerElement | undefined): DerElement {
  if (field === undefined) throw new DerError('a field is missing', 0);
  return field;
}

function sequenceBytes(field: DerElement | undefined): Uint8Array {
  const { tag, bytes, offset } = present(field);
  if (tag !== TAG.SEQUENCE) throw new DerError('a SEQUENCE was expected', offset);
  return bytes;
}

function checkedVersion(version: DerElement | undefined): object {
  const [number, ...rest] = version?.children ?? [];
  if (version?.tag !== 0xa0 || number === undefined || rest.length > 0 || readInteger(number) !== 2n) {
    throw new DerError('the version is 3', version?.offset ?? 0);
  }
  return {};
}

/** Contents octets of a serial number: positive, at most 20 octets (RFC 5280 §4.1.2.2 Serial Number). Throws DerError. */
export function parseSerial(serial: DerElement | undefined): Uint8Array {
  const { tag, content, offset } = present(serial);
  if (tag !== TAG.INTEGER || content.length > 20)
    throw new DerError('a serial is an INTEGER of 1 to 20 octets', offset);
  if ((content[0] ?? 0x80) >= 0x80 || content.every((octet) => octet === 0)) {
    throw new DerError('a serial is positive', offset);
  }
  return content;
}

function parseValidity(validity: DerElement): { notBefore: Date; notAfter: Date } {
  const [from, until, ...rest] = validity.children;
  if (validity.tag !== TAG.SEQUENCE || from === undefined || until === undefined || rest.length > 0) {
    throw new DerError('Validity is a SEQUENCE of two times', validity.offset);
  }
  const period = { notBefore: parseTime(from), notAfter: parseTime(until) };
  if (period.notAfter < period.notBefore) throw new DerError('the validity ends before it begins', validity.offset);
  return period;
}

/** A Time: UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5 Validity). Throws DerError. */
export function parseTime(element: DerElement): Date {
  const date = readTime(element);
  if (element.tag === TAG.GENERALIZED_TIME && date.getUTCFullYear() < 2050) {
    throw new DerError('a time before 2050 is a UTCTime', element.offset);
  }
  return date;
}

/** The extension with this OID, or undefined. */
export const extensionOf = (
  certificate: { readonly extensions: readonly Extension[] },
  oid: string,
): Extension | undefined => certificate.extensions.find((extension) => extension.oid === oid);
