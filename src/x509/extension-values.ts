// What stands inside the extensions that this authority writes, read strictly and without the builders. Every reader takes
// the DER inside extnValue and throws DerError where it is anything but the one form that is used here.
import { type DerElement, DerError, readDer, readInteger, readObjectIdentifier, readTime, TAG } from './der.ts';
import { type Extension, GENERAL_NAME, type GeneralName, KEY_USAGE_NAMES, type KeyUsageName } from './extensions.ts';
import { OID } from './oids.ts';

function fail(element: DerElement, expected: string): never {
  throw new DerError(`${expected} was expected`, element.offset);
}

function childrenOf(element: DerElement, tag: number, count: { min: number; max: number }): readonly DerElement[] {
  const { length } = element.children;
  if (element.tag !== tag || length < count.min || length > count.max) {
    fail(element, `an element ${tag.toString(16)} with ${count.min} to ${count.max} parts`);
  }
  return element.children;
}

const MANY = { min: 1, max: 1_000 };
const ONE = { min: 1, max: 1 };
const TWO = { min: 2, max: 2 };

function only(element: DerElement, tag: number): DerElement {
  const [child] = childrenOf(element, tag, ONE);
  return child ?? fail(element, 'one element');
}

function pair(element: DerElement, tag: number): [DerElement, DerElement] {
  const [first, second] = childrenOf(element, tag, TWO);
  return first === undefined || second === undefined ? fail(element, 'two elements') : [first, second];
}

function ascii(element: DerElement, tag: number): string {
  const text = Buffer.from(element.content).toString('latin1');
  if (element.tag !== tag || !/^[\x20-\x7e]+$/.test(text)) fail(element, 'ASCII text');
  return text;
}

/** RFC 5280 §4.2.1.9 Basic Constraints. */
export function readBasicConstraints(value: Uint8Array): { ca: boolean; pathLen?: number } {
  const whole = readDer(value);
  const [ca, pathLen] = childrenOf(whole, TAG.SEQUENCE, { min: 0, max: 2 });
  if (ca === undefined) return { ca: false };
  if (ca.tag !== TAG.BOOLEAN || ca.content[0] !== 0xff) fail(ca, 'cA TRUE, or nothing,');
  if (pathLen === undefined) return { ca: true };
  const length = readInteger(pathLen);
  if (pathLen.tag !== TAG.INTEGER || length < 0n || length > 255n) fail(pathLen, 'a pathLenConstraint from 0 to 255');
  return { ca: true, pathLen: Number(length) };
}

/** RFC 5280 §4.2.1.3 Key Usage; a named bit list without trailing zeros, at least one bit. */
export function readKeyUsage(value: Uint8Array): KeyUsageName[] {
  const bits = readDer(value);
  const [unused = 0, ...octets] = bits.content;
  const last = octets.at(-1) ?? 0;
  if (bits.tag !== TAG.BIT_STRING || ((last >> unused) & 1) === 0) fail(bits, 'a named bit list in its shortest form');
  const set = (bit: number): boolean => (((octets[bit >> 3] ?? 0) << (bit & 7)) & 0x80) !== 0;
  if (octets.length * 8 - unused > KEY_USAGE_NAMES.length) fail(bits, 'no bit beyond decipherOnly');
  return KEY_USAGE_NAMES.filter((_, bit) => set(bit));
}

/** RFC 5280 §4.2.1.12 Extended Key Usage: dotted purposes in their order. */
export const readExtendedKeyUsage = (value: Uint8Array): string[] =>
  childrenOf(readDer(value), TAG.SEQUENCE, MANY).map(readObjectIdentifier);

/** RFC 5280 §4.2.1.2 Subject Key Identifier. */
export function readSubjectKeyIdentifier(value: Uint8Array): Uint8Array {
  const id = readDer(value);
  return id.tag === TAG.OCTET_STRING && id.content.length > 0 ? id.content : fail(id, 'an OCTET STRING');
}

/** RFC 5280 §4.2.1.1 Authority Key Identifier, the keyIdentifier alone. */
export function readAuthorityKeyIdentifier(value: Uint8Array): Uint8Array {
  const id = only(readDer(value), TAG.SEQUENCE);
  return id.tag === 0x80 && id.content.length > 0 ? id.content : fail(id, 'a keyIdentifier');
}

/** RFC 5280 §4.2.1.4 Certificate Policies: policies with at most one qualifier, a CPS pointer. */
export function readCertificatePolicies(value: Uint8Array): { oid: string; cpsUri?: string }[] {
  return childrenOf(readDer(value), TAG.SEQUENCE, MANY).map((policy) => {
    const [oid, qualifiers] = childrenOf(policy, TAG.SEQUENCE, { min: 1, max: 2 });
    if (oid === undefined) return fail(policy, 'a policyIdentifier');
    if (qualifiers === undefined) return { oid: readObjectIdentifier(oid) };
    const [kind, uri] = pair(only(qualifiers, TAG.SEQUENCE), TAG.SEQUENCE);
    if (readObjectIdentifier(kind) !== OID.cps) fail(kind, 'a CPS pointer');
    return { oid: readObjectIdentifier(oid), cpsUri: ascii(uri, TAG.IA5_STRING) };
  });
}

/** RFC 3280 §4.2.1.4 Private Key Usage Period, both ends. */
export function readPrivateKeyUsagePeriod(value: Uint8Array): { notBefore: Date; notAfter: Date } {
  const [from, until] = pair(readDer(value), TAG.SEQUENCE);
  return { notBefore: implicitTime(from, 0x80), notAfter: implicitTime(until, 0x81) };
}

function implicitTime(element: DerElement, tag: number): Date {
  if (element.tag !== tag || !/^\d{14}Z$/.test(Buffer.from(element.content).toString('latin1')))
    fail(element, 'a time');
  return readTime({ ...element, tag: TAG.GENERALIZED_TIME });
}

/** A name of a kind that is never written here: its context-specific tag. */
export type OtherGeneralName = { readonly other: number };

/** RFC 5280 §4.2.1.6 Subject Alternative Name: every name in its order; kinds that are not ours only by their tag. */
export const readSubjectAltName = (value: Uint8Array): (GeneralName | OtherGeneralName)[] =>
  childrenOf(readDer(value), TAG.SEQUENCE, MANY).map(readGeneralName);

function readGeneralName(name: DerElement): GeneralName | OtherGeneralName {
  if (name.tag === GENERAL_NAME.rfc822Name) return { rfc822Name: ascii(name, name.tag) };
  if (name.tag === GENERAL_NAME.dNSName) return { dns: ascii(name, name.tag) };
  if ((name.tag & 0xc0) !== 0x80 || (name.tag & 0x1f) > 8) return fail(name, 'a GeneralName');
  if (name.tag !== GENERAL_NAME.otherName) return { other: name.tag };
  const [type, wrapped] = pair(name, GENERAL_NAME.otherName);
  const inner = only(wrapped, 0xa0);
  if (readObjectIdentifier(type) !== OID.userPrincipalName || inner.tag !== TAG.UTF8_STRING) return { other: name.tag };
  return { upn: utf8(inner) };
}

function utf8(element: DerElement): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(element.content);
  } catch {
    return fail(element, 'UTF-8 text');
  }
}

/** RFC 5280 §4.2.1.13 CRL Distribution Points and §4.2.1.15 Freshest CRL: DistributionPoints with one URI each, in order. */
export const readDistributionPoints = (value: Uint8Array): string[] =>
  childrenOf(readDer(value), TAG.SEQUENCE, MANY).map((point) => {
    const fullName = only(only(point, TAG.SEQUENCE), 0xa0);
    return ascii(only(fullName, 0xa0), GENERAL_NAME.uniformResourceIdentifier);
  });

/** RFC 5280 §4.2.2.1 Authority Information Access: dotted methods and URIs, in order. */
export const readAuthorityInfoAccess = (value: Uint8Array): { method: string; uri: string }[] =>
  childrenOf(readDer(value), TAG.SEQUENCE, MANY).map((description) => {
    const [method, uri] = pair(description, TAG.SEQUENCE);
    return { method: readObjectIdentifier(method), uri: ascii(uri, GENERAL_NAME.uniformResourceIdentifier) };
  });

/** The non-negative INTEGER of CRLNumber, card type or profession. */
export function readUnsigned(value: Uint8Array): bigint {
  const number = readDer(value);
  if (number.tag !== TAG.INTEGER || readInteger(number) < 0n) fail(number, 'an INTEGER that is not negative');
  return readInteger(number);
}

/** Product category: two lower-case hexadecimal digits. */
export function readProductCategory(value: Uint8Array): string {
  const category = readDer(value);
  if (category.tag !== TAG.OCTET_STRING || category.content.length !== 1)
    fail(category, 'an OCTET STRING of one octet');
  return Buffer.from(category.content).toString('hex');
}

/** Card number: a PrintableString. */
export function readCardNumber(value: Uint8Array): string {
  const number = readDer(value);
  const text = ascii(number, TAG.PRINTABLE_STRING);
  return /^[A-Za-z0-9 '()+,\-./:=?]+$/.test(text) ? text : fail(number, 'a PrintableString');
}

type Extensions = readonly Extension[];
const inside = (extensions: Extensions, wanted: string): Uint8Array | undefined =>
  extensions.find(({ oid }) => oid === wanted)?.value;

/** The key usages among these extensions; none where the extension is absent. */
export function keyUsageOf(extensions: Extensions): KeyUsageName[] {
  const value = inside(extensions, OID.keyUsage);
  return value === undefined ? [] : readKeyUsage(value);
}

/** The dotted purposes among these extensions; none where the extension is absent. */
export function extendedKeyUsageOf(extensions: Extensions): string[] {
  const value = inside(extensions, OID.extKeyUsage);
  return value === undefined ? [] : readExtendedKeyUsage(value);
}

/** Whether these are the extensions of a CA (basicConstraints with cA TRUE). */
export function isCa(extensions: Extensions): boolean {
  const value = inside(extensions, OID.basicConstraints);
  return value !== undefined && readBasicConstraints(value).ca;
}
