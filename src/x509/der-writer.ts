// DER, written plainly: every function gives a whole element. What a type cannot keep out (a negative number, a character that
// the string type has not) is a bug of the caller and ends as a RangeError: a wrong byte written silently would be signed.

import { TAG, ZULU } from './der.ts';

/** Identifier and length before the given contents, joined with one copy. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of contents) length += part.length;
  const lengthOctets = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
  const out = new Uint8Array(2 + lengthOctets + length);
  out[0] = tag;
  out[1] = lengthOctets === 0 ? length : 0x80 | lengthOctets;
  for (let index = 0; index < lengthOctets; index += 1) {
    out[1 + lengthOctets - index] = Math.floor(length / 256 ** index) & 0xff;
  }
  let at = 2 + lengthOctets;
  for (const part of contents) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => element(TAG.SEQUENCE, ...parts);

/** A SET OF in DER order: ascending by encoding (X.690 §11.6). */
export const setOf = (...parts: readonly Uint8Array[]): Uint8Array =>
  element(TAG.SET, ...[...parts].sort((a, b) => Buffer.compare(a, b)));

export const boolean = (value: boolean): Uint8Array => element(TAG.BOOLEAN, Uint8Array.of(value ? 0xff : 0));

export const NULL: Uint8Array = element(TAG.NULL);

/** An INTEGER from a whole number ≥ 0, or from big-endian octets that are taken as unsigned. */
export function integer(value: number | bigint | Uint8Array): Uint8Array {
  let octets: Uint8Array;
  if (value instanceof Uint8Array) octets = value;
  else {
    const whole = BigInt(value);
    if (whole < 0n) throw new RangeError('negative INTEGERs are not written here');
    const hex = whole.toString(16);
    octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  }
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start += 1;
  const significant = octets.subarray(start);
  const padded = (significant[0] ?? 0x80) >= 0x80;
  return padded ? element(TAG.INTEGER, Uint8Array.of(0), significant) : element(TAG.INTEGER, significant);
}

/** An ENUMERATED of one octet, 0 to 127. */
export function enumerated(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 127) throw new RangeError('an ENUMERATED is 0 to 127 here');
  return element(TAG.ENUMERATED, Uint8Array.of(value));
}

const DOTTED = /^(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))*$/;

/** The identifiers that were written before: ours are few, and each certificate has forty. */
const written = new Map<string, Uint8Array>();
const MOST_WRITTEN = 1_000;

/** From the dotted form; the second arc is below 40 under 0 and 1 (X.690 §8.19.4). The octets are shared: nobody changes them. */
export function objectIdentifier(dotted: string): Uint8Array {
  const known = written.get(dotted);
  if (known !== undefined) return known;
  const made = encodeObjectIdentifier(dotted);
  if (written.size < MOST_WRITTEN) written.set(dotted, made);
  return made;
}

function encodeObjectIdentifier(dotted: string): Uint8Array {
  if (!DOTTED.test(dotted)) throw new RangeError(`${dotted} is not an object identifier`);
  const arcs = dotted.split('.').map(BigInt);
  const [top = 0n, second = 0n, ...rest] = arcs;
  const octets: number[] = [];
  for (const arc of [top * 40n + second, ...rest]) {
    const group = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) group.unshift(Number(left & 0x7fn) | 0x80);
    octets.push(...group);
  }
  return element(TAG.OBJECT_IDENTIFIER, Uint8Array.from(octets));
}

export const octetString = (content: Uint8Array): Uint8Array => element(TAG.OCTET_STRING, content);

export const bitString = (octets: Uint8Array): Uint8Array => element(TAG.BIT_STRING, Uint8Array.of(0), octets);

/** A BIT STRING of named bits, trailing zero bits removed (X.690 §11.2.2); bit 0 is the leftmost. */
export function namedBits(bits: readonly number[]): Uint8Array {
  if (bits.length === 0) return element(TAG.BIT_STRING, Uint8Array.of(0));
  const highest = Math.max(...bits);
  const octets = new Uint8Array((highest >> 3) + 1);
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return element(TAG.BIT_STRING, Uint8Array.of(7 - (highest & 7)), octets);
}

/** The octets of `text`, one a character, if all of it is in `repertoire`: latin1 would cut other characters to wrong ones. */
function narrow(tag: number, text: string, repertoire: RegExp): Uint8Array {
  if (!repertoire.test(text)) throw new RangeError('a character that this string type has not');
  return element(tag, Buffer.from(text, 'latin1'));
}

export function utf8String(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new RangeError('a lone surrogate has no UTF-8');
  return element(TAG.UTF8_STRING, Buffer.from(text, 'utf8'));
}

/** The characters of X.680 §41.4 Table 10 PrintableString. */
export const printableString = (text: string): Uint8Array =>
  narrow(TAG.PRINTABLE_STRING, text, /^[A-Za-z0-9 '()+,\-./:=?]*$/);

// biome-ignore lint/suspicious/noControlCharactersInRegex: IA5 is exactly this range
export const ia5String = (text: string): Uint8Array => narrow(TAG.IA5_STRING, text, /^[\x00-\x7f]*$/);

/** YYYYMMDDHHMMSSZ as octets, computed without text: a CRL writes a million of them. */
function digits(date: Date): Uint8Array {
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new RangeError('a year has four digits');
  const out = new Uint8Array(15);
  const two = (at: number, value: number): void => {
    out[at] = 0x30 + Math.floor(value / 10);
    out[at + 1] = 0x30 + (value % 10);
  };
  two(0, Math.floor(year / 100));
  two(2, year % 100);
  two(4, date.getUTCMonth() + 1);
  two(6, date.getUTCDate());
  two(8, date.getUTCHours());
  two(10, date.getUTCMinutes());
  two(12, date.getUTCSeconds());
  out[14] = ZULU;
  return out;
}

export const generalizedTime = (date: Date): Uint8Array => element(TAG.GENERALIZED_TIME, digits(date));

/**
 * UTCTime from 1950 until 2049, GeneralizedTime before and after (RFC 5280 §4.1.2.5 Validity): two digits cannot say more.
 * Fractions of a second are dropped.
 */
export const time = (date: Date): Uint8Array =>
  date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050
    ? element(TAG.UTC_TIME, digits(date).subarray(2))
    : generalizedTime(date);

/** `[number] EXPLICIT`: a constructed context-specific tag around whole elements. */
export const explicit = (number: number, ...inner: readonly Uint8Array[]): Uint8Array =>
  element(0xa0 | number, ...inner);

/** `[number] IMPLICIT` of a primitive type: the contents octets come as they are. */
export const implicitPrimitive = (number: number, content: Uint8Array): Uint8Array => element(0x80 | number, content);
