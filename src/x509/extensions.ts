// Certificate and CRL extensions: one builder each, in the exact encodings of IGC-Santé, and the reader of the list.
// extension-values.ts reads what is inside.
import { type DerElement, DerError, readObjectIdentifier, TAG } from './der.ts';
import {
  boolean,
  explicit,
  ia5String,
  implicitPrimitive,
  integer,
  NULL,
  namedBits,
  objectIdentifier,
  octetString,
  printableString,
  sequence,
  utf8String,
} from './der-writer.ts';
import { OID } from './oids.ts';

export type Extension = {
  readonly oid: string;
  readonly critical: boolean;
  /** the DER inside extnValue */
  readonly value: Uint8Array;
};

/** In bit order, so that the index is the bit (RFC 5280 §4.2.1.3 Key Usage). */
export const KEY_USAGE_NAMES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

export type KeyUsageName = (typeof KEY_USAGE_NAMES)[number];

export type GeneralName = { readonly dns: string } | { readonly rfc822Name: string } | { readonly upn: string };

/** The DER of one Extension; `critical` is written only where it is true. */
const encodeExtension = ({ oid, critical, value }: Extension): Uint8Array =>
  critical
    ? sequence(objectIdentifier(oid), boolean(true), octetString(value))
    : sequence(objectIdentifier(oid), octetString(value));

/** The DER of Extensions, in the given order (RFC 5280 §4.1 Basic Certificate Fields). */
export const encodeExtensions = (extensions: readonly Extension[]): Uint8Array =>
  sequence(...extensions.map(encodeExtension));

/**
 * Reads an Extensions element of `readDer`. Throws DerError where it is empty, where an extension stands twice, or where
 * `critical` is written though false (X.690 §11.5 Default values). The values are left as they are.
 */
export function parseExtensions(list: DerElement): Extension[] {
  if (list.tag !== TAG.SEQUENCE || list.children.length === 0) {
    throw new DerError('Extensions is a SEQUENCE that is not empty', list.offset);
  }
  const seen = new Set<string>();
  return list.children.map((child) => {
    const extension = parseExtension(child);
    if (seen.has(extension.oid)) throw new DerError(`extension ${extension.oid} stands twice`, child.offset);
    seen.add(extension.oid);
    return extension;
  });
}

function parseExtension(extension: DerElement): Extension {
  const { tag, children, offset } = extension;
  const [oid, second, third, ...rest] = children;
  const value = third ?? second;
  if (tag !== TAG.SEQUENCE || oid === undefined || value?.tag !== TAG.OCTET_STRING || rest.length > 0) {
    throw new DerError('an Extension is extnID, critical and extnValue', offset);
  }
  if (third !== undefined && (second?.tag !== TAG.BOOLEAN || second.content[0] !== 0xff)) {
    throw new DerError('critical is written only where it is TRUE', offset);
  }
  return { oid: readObjectIdentifier(oid), critical: third !== undefined, value: value.content };
}

const extension = (oid: string, value: Uint8Array, critical = false): Extension => ({ oid, critical, value });

/** RFC 5280 §4.2.1.9 Basic Constraints: empty for an end entity; `pathLen` counts only for a CA. */
export function basicConstraints(ca: boolean, pathLen: number | undefined, critical: boolean): Extension {
  const parts = ca ? [boolean(true), ...(pathLen === undefined ? [] : [integer(pathLen)])] : [];
  return extension(OID.basicConstraints, sequence(...parts), critical);
}

/** RFC 5280 §4.2.1.2 Subject Key Identifier: 20 octets. */
export const subjectKeyIdentifier = (id: Uint8Array): Extension => extension(OID.subjectKeyIdentifier, octetString(id));

/** RFC 5280 §4.2.1.1 Authority Key Identifier: the keyIdentifier alone. */
export const authorityKeyIdentifier = (id: Uint8Array): Extension =>
  extension(OID.authorityKeyIdentifier, sequence(implicitPrimitive(0, id)));

/** RFC 5280 §4.2.1.3 Key Usage, critical; the order of the names does not matter. */
export const keyUsage = (bits: readonly KeyUsageName[]): Extension =>
  extension(OID.keyUsage, namedBits(bits.map((name) => KEY_USAGE_NAMES.indexOf(name))), true);

/** RFC 5280 §4.2.1.12 Extended Key Usage: dotted purposes, in the given order. */
export const extendedKeyUsage = (oids: readonly string[]): Extension =>
  extension(OID.extKeyUsage, sequence(...oids.map(objectIdentifier)));

/** RFC 5280 §4.2.1.4 Certificate Policies: one policy with one CPS pointer. */
export const certificatePolicies = (oid: string, cpsUri: string): Extension =>
  extension(
    OID.certificatePolicies,
    sequence(sequence(objectIdentifier(oid), sequence(sequence(objectIdentifier(OID.cps), ia5String(ascii(cpsUri)))))),
  );

const generalizedContent = (date: Date): Uint8Array =>
  Buffer.from(
    date
      .toISOString()
      .replace(/\.\d{3}Z$/, 'Z')
      .replace(/[-:T]/g, ''),
    'latin1',
  );

/** RFC 3280 §4.2.1.4 Private Key Usage Period: both ends, as GeneralizedTime. */
export const privateKeyUsagePeriod = (notBefore: Date, notAfter: Date): Extension =>
  extension(
    OID.privateKeyUsagePeriod,
    sequence(implicitPrimitive(0, generalizedContent(notBefore)), implicitPrimitive(1, generalizedContent(notAfter))),
  );

/** RFC 5280 §4.2.1.6 Subject Alternative Name, names in the given order. */
export const subjectAltName = (names: readonly GeneralName[]): Extension =>
  extension(OID.subjectAltName, sequence(...names.map(encodeGeneralName)));

function encodeGeneralName(name: GeneralName): Uint8Array {
  if ('rfc822Name' in name) return implicitPrimitive(1, asciiOctets(name.rfc822Name));
  if ('dns' in name) return implicitPrimitive(2, asciiOctets(name.dns));
  return explicit(0, objectIdentifier(OID.userPrincipalName), explicit(0, utf8String(name.upn)));
}

const distributionPoints = (uris: readonly string[]): Uint8Array =>
  sequence(...uris.map((uri) => sequence(explicit(0, explicit(0, implicitPrimitive(6, asciiOctets(uri)))))));

/** RFC 5280 §4.2.1.13 CRL Distribution Points: one DistributionPoint with one URI for each. */
export const cRLDistributionPoints = (uris: readonly string[]): Extension =>
  extension(OID.cRLDistributionPoints, distributionPoints(uris));

/** RFC 5280 §4.2.1.15 Freshest CRL: one DistributionPoint with one URI for each. */
export const freshestCRL = (uris: readonly string[]): Extension => extension(OID.freshestCRL, distributionPoints(uris));

/** RFC 5280 §4.2.2.1 Authority Information Access: OCSP first, then caIssuers. */
export function authorityInfoAccess(access: { readonly ocsp?: string; readonly caIssuers?: string }): Extension {
  const methods = (['ocsp', 'caIssuers'] as const).flatMap((method) => {
    const uri = access[method];
    if (uri === undefined) return [];
    return [sequence(objectIdentifier(OID[method]), implicitPrimitive(6, asciiOctets(uri)))];
  });
  return extension(OID.authorityInfoAccess, sequence(...methods));
}

/** RFC 6960 §4.2.2.2.1 Revocation Checking of an Authorized Responder. */
export const ocspNoCheck = (): Extension => extension(OID.ocspNoCheck, NULL);

/** Nomenclature TRE_G01, two hexadecimal digits: an OCTET STRING of one octet. */
export function productCategory(hexByte: string): Extension {
  if (!/^[0-9a-f]{2}$/i.test(hexByte)) throw new TypeError('a product category is two hexadecimal digits');
  return extension(OID.productCategory, octetString(Buffer.from(hexByte, 'hex')));
}

/** Nomenclature TRE_G02: an INTEGER. */
export const cardType = (type: number): Extension => extension(OID.cardType, integer(type));

/** Number of the card, `issuer/serial`: a PrintableString. */
export const cardNumber = (text: string): Extension => extension(OID.cardNumber, printableString(ascii(text)));

/** Nomenclature TRE_G15: an INTEGER. */
export const profession = (code: number): Extension => extension(OID.profession, integer(code));

/** RFC 5280 §5.2.3 CRL Number. */
export const cRLNumber = (number: bigint): Extension => extension(OID.cRLNumber, integer(number));

function ascii(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new TypeError('this text is ASCII without control characters');
  return text;
}

const asciiOctets = (text: string): Uint8Array => Buffer.from(ascii(text), 'latin1');

/** Context-specific tags that GeneralName uses (RFC 5280 §4.2.1.6), for readers. */
export const GENERAL_NAME = {
  otherName: 0xa0,
  rfc822Name: 0x81,
  dNSName: 0x82,
  uniformResourceIdentifier: 0x86,
} as const;
