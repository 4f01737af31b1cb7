// DER, read strictly (X.690 §10 Distinguished encoding rules): the gate that every foreign byte passes before anything else
// looks at it. It refuses what BER would allow, and its work is bounded by `DerLimits`. Writing is der-writer.ts.

/** One element as it stands in the input: nothing is copied, nothing is normalised. */
export type DerElement = {
  /** identifier octet; only low tag numbers (0 to 30) are accepted */
  readonly tag: number;
  /** where the element begins in the outermost input */
  readonly offset: number;
  /** identifier, length and contents */
  readonly bytes: Uint8Array;
  /** contents octets only */
  readonly content: Uint8Array;
  /** the elements inside, for constructed ones; empty for primitive ones */
  readonly children: readonly DerElement[];
};

export type DerLimits = {
  /** bytes of the whole input */
  readonly bytes: number;
  /** levels of nesting */
  readonly depth: number;
  /** elements in all */
  readonly elements: number;
};

/** Ample for a request or a certificate of ours; an input beyond them costs no more than reaching the limit. */
export const REQUEST_LIMITS: DerLimits = { bytes: 64 * 1024, depth: 24, elements: 2_000 };

/** The input is not the DER that it should be; `offset` is the byte at which that shows. */
export class DerError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'DerError';
    this.offset = offset;
  }
}

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  ENUMERATED: 0x0a,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  TELETEX_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  UNIVERSAL_STRING: 0x1c,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

const CONSTRUCTED = 0x20;
const CLASS_MASK = 0xc0;

/**
 * Reads exactly one DER element that fills the whole input.
 * Refuses: empty input, trailing bytes, indefinite and non-minimal lengths, high tag numbers, constructed strings, universal
 * types that no structure here has, and universal primitives whose contents are not DER (X.690 §8, §10, §11). The characters
 * of strings, DEFAULT values and the order of a SET OF are the caller's to check: only it knows what the element stands for.
 * Throws DerError; recursion is bounded by `depth`.
 */
export function readDer(input: Uint8Array, limits: DerLimits = REQUEST_LIMITS): DerElement {
  if (input.length > limits.bytes) throw new DerError(`more than ${limits.bytes} bytes`, limits.bytes);
  const budget = { elements: limits.elements };
  const element = readElement(input, 0, input.length, limits.depth, budget);
  if (element.bytes.length !== input.length)
    throw new DerError('bytes after the end of the element', element.bytes.length);
  return element;
}

function readElement(
  input: Uint8Array,
  start: number,
  end: number,
  depth: number,
  budget: { elements: number },
): DerElement {
  if (depth === 0) throw new DerError('nested too deeply', start);
  budget.elements -= 1;
  if (budget.elements < 0) throw new DerError('too many elements', start);
  const { tag, first, end: last } = readHeader(input, start, end);
  const content = input.subarray(first, last);
  const bytes = input.subarray(start, last);
  const children: DerElement[] = [];
  if ((tag & CONSTRUCTED) !== 0) {
    if ((tag & CLASS_MASK) === 0 && tag !== TAG.SEQUENCE && tag !== TAG.SET) {
      throw new DerError('this universal type is never constructed in DER', start);
    }
    for (let at = first; at < last; ) {
      const child = readElement(input, at, last, depth - 1, budget);
      children.push(child);
      at += child.bytes.length;
    }
  } else if ((tag & CLASS_MASK) === 0) {
    checkPrimitive(tag, content, first);
  }
  return { tag, offset: start, bytes, content, children };
}

/** Identifier and length of an element: where its contents begin and where they end, as offsets in the input. */
export type DerHeader = { readonly tag: number; readonly first: number; readonly end: number };

/** Reads identifier and length at `start`; the contents, which end before `end`, are not looked at. Throws DerError. */
export function readHeader(input: Uint8Array, start: number, end: number): DerHeader {
  const tag = input[start];
  if (tag === undefined || start >= end) throw new DerError('an element is missing', start);
  if ((tag & 0x1f) === 0x1f) throw new DerError('tag numbers above 30 are not used here', start);
  const { length, first } = readLength(input, start + 1, end);
  if (first + length > end) throw new DerError('the length goes beyond the end', start + 1);
  return { tag, first, end: first + length };
}

/**
 * Reads the one element that stands at `start` and ends before `end`, as strictly as `readDer`; what follows it is the caller's.
 * For walks over lists that are too long to be held as elements. Throws DerError.
 */
export function readDerAt(
  input: Uint8Array,
  start: number,
  end: number,
  limits: DerLimits = REQUEST_LIMITS,
): DerElement {
  return readElement(input, start, end, limits.depth, { elements: limits.elements });
}

function readLength(input: Uint8Array, at: number, end: number): { length: number; first: number } {
  const initial = input[at];
  if (initial === undefined || at >= end) throw new DerError('the length is missing', at);
  if (initial < 0x80) return { length: initial, first: at + 1 };
  if (initial === 0x80) throw new DerError('indefinite length', at);
  const octets = initial & 0x7f;
  if (octets > 4) throw new DerError('a length of more than four octets', at);
  if (at + 1 + octets > end) throw new DerError('the length is cut off', at);
  let length = 0;
  for (let index = 0; index < octets; index += 1) length = length * 256 + (input[at + 1 + index] ?? 0);
  if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('the length is not in its shortest form', at);
  return { length, first: at + 1 + octets };
}

/** NumericString, VideotexString, GraphicString, VisibleString and GeneralString: read by nobody here, but no error in DER. */
const OTHER_STRINGS: readonly number[] = [0x12, 0x15, 0x19, 0x1a, 0x1b];

/** X.690 §8 and §11: what the contents of each universal primitive type may be. */
function checkPrimitive(tag: number, content: Uint8Array, at: number): void {
  switch (tag) {
    case TAG.BOOLEAN:
      if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
        throw new DerError('a BOOLEAN is 00 or FF', at);
      return;
    case TAG.INTEGER:
    case TAG.ENUMERATED:
      checkInteger(content, at);
      return;
    case TAG.BIT_STRING:
      checkBitString(content, at);
      return;
    case TAG.NULL:
      if (content.length !== 0) throw new DerError('a NULL is empty', at);
      return;
    case TAG.OBJECT_IDENTIFIER:
      checkObjectIdentifier(content, at);
      return;
    case TAG.UTC_TIME:
      checkTime(content, 13, at);
      return;
    case TAG.GENERALIZED_TIME:
      checkTime(content, 15, at);
      return;
    case TAG.SEQUENCE & ~CONSTRUCTED:
    case TAG.SET & ~CONSTRUCTED:
      throw new DerError('a SEQUENCE or SET is always constructed', at);
    case 0:
      throw new DerError('end-of-contents octets are not DER', at);
    case TAG.OCTET_STRING:
    case TAG.UTF8_STRING:
    case TAG.PRINTABLE_STRING:
    case TAG.TELETEX_STRING:
    case TAG.IA5_STRING:
    case TAG.UNIVERSAL_STRING:
    case TAG.BMP_STRING:
      return;
    default:
      // EXTERNAL and EMBEDDED PDV are never primitive; REAL, RELATIVE-OID and the reserved types have no use here
      if (!OTHER_STRINGS.includes(tag)) throw new DerError('this universal type has no use here', at);
  }
}

function checkInteger(content: Uint8Array, at: number): void {
  const [first, second] = content;
  if (first === undefined) throw new DerError('an INTEGER has at least one octet', at);
  if (second === undefined) return;
  if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
    throw new DerError('the INTEGER is not in its shortest form', at);
  }
}

function checkBitString(content: Uint8Array, at: number): void {
  const unused = content[0];
  if (unused === undefined || unused > 7) throw new DerError('a BIT STRING says 0 to 7 unused bits', at);
  if (content.length === 1 && unused !== 0) throw new DerError('an empty BIT STRING has no unused bits', at);
  const last = content[content.length - 1] ?? 0;
  if (unused > 0 && (last & ((1 << unused) - 1)) !== 0) throw new DerError('unused bits are zero', at);
}

function checkObjectIdentifier(content: Uint8Array, at: number): void {
  if (content.length === 0 || content.length > 64)
    throw new DerError('an OBJECT IDENTIFIER has 1 to 64 octets here', at);
  let begins = true;
  for (const octet of content) {
    if (begins && octet === 0x80) throw new DerError('the OBJECT IDENTIFIER is not in its shortest form', at);
    begins = octet < 0x80;
  }
  if (!begins) throw new DerError('the OBJECT IDENTIFIER is cut off', at);
}

function checkTime(content: Uint8Array, octets: number, at: number): void {
  if (content.length !== octets || content[octets - 1] !== ZULU) {
    throw new DerError('a time has seconds and ends with Z', at);
  }
  if (parseTimeOctets(content) === undefined) throw new DerError('this is not a moment of the calendar', at);
}

/** The letter Z with which every time ends. */
export const ZULU = 0x5a;

/** The moment of the digits of a UTCTime or GeneralizedTime, or undefined; a CRL holds a million of them, so no text is made. */
function parseTimeOctets(octets: Uint8Array): Date | undefined {
  const two = (at: number): number => {
    const [tens, ones] = [(octets[at] ?? 0) - 0x30, (octets[at + 1] ?? 0) - 0x30];
    return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
  };
  const month = octets.length - 11;
  const short = two(month - 2);
  // RFC 5280 §4.1.2.5.1 UTCTime: 50 to 99 are 19YY, 00 to 49 are 20YY
  const century = octets.length === 13 ? (short >= 50 ? 19 : 20) : two(0);
  const parts = [
    century * 100 + short,
    two(month) - 1,
    two(month + 2),
    two(month + 4),
    two(month + 6),
    two(month + 8),
  ] as const;
  const date = new Date(0);
  date.setUTCFullYear(parts[0], parts[1], parts[2]);
  date.setUTCHours(parts[3], parts[4], parts[5]);
  // a month 13, a 30 February or an hour 24 would move to the next; a NaN is equal to nothing
  const same =
    date.getUTCFullYear() === parts[0] &&
    date.getUTCMonth() === parts[1] &&
    date.getUTCDate() === parts[2] &&
    date.getUTCHours() === parts[3] &&
    date.getUTCMinutes() === parts[4] &&
    date.getUTCSeconds() === parts[5];
  return same ? date : undefined;
}

/** The moment of a UTCTime or GeneralizedTime element that `readDer` let through. */
export function readTime(element: DerElement): Date {
  const date =
    element.tag === TAG.UTC_TIME || element.tag === TAG.GENERALIZED_TIME ? parseTimeOctets(element.content) : undefined;
  if (date === undefined) throw new DerError('a time was expected', element.offset);
  return date;
}

/** Dotted forms of the contents octets that were read before, which are the same few in every certificate. */
const dottedForms = new Map<string, string>();
const MOST_DOTTED = 1_000;

/** The dotted form of an OBJECT IDENTIFIER element (X.690 §8.19). */
export function readObjectIdentifier({ tag, content, offset }: DerElement): string {
  if (tag !== TAG.OBJECT_IDENTIFIER) throw new DerError('an OBJECT IDENTIFIER was expected', offset);
  const octets = Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
  const known = dottedForms.get(octets);
  if (known !== undefined) return known;
  const dotted = dottedForm(content);
  if (dottedForms.size < MOST_DOTTED) dottedForms.set(octets, dotted);
  return dotted;
}

function dottedForm(content: Uint8Array): string {
  const arcs: bigint[] = [];
  let value = 0n;
  for (const octet of content) {
    value = value * 128n + BigInt(octet & 0x7f);
    if (octet < 0x80) {
      if (arcs.length === 0) {
        const top = value < 40n ? 0n : value < 80n ? 1n : 2n;
        arcs.push(top, value - top * 40n);
      } else arcs.push(value);
      value = 0n;
    }
  }
  return arcs.join('.');
}

/** The value of an INTEGER element; callers bound its size by the DER limits. */
export function readInteger(element: DerElement): bigint {
  if (element.tag !== TAG.INTEGER) throw new DerError('an INTEGER was expected', element.offset);
  return readNumber(element);
}

/** The value of an ENUMERATED element. */
export function readEnumerated(element: DerElement): bigint {
  if (element.tag !== TAG.ENUMERATED) throw new DerError('an ENUMERATED was expected', element.offset);
  return readNumber(element);
}

function readNumber(element: DerElement): bigint {
  const unsigned = BigInt(`0x${Buffer.from(element.content).toString('hex')}`);
  const negative = (element.content[0] ?? 0) >= 0x80;
  return negative ? unsigned - (1n << BigInt(element.content.length * 8)) : unsigned;
}

/** The octets of a BIT STRING element without unused bits. */
export function readBitStringOctets(element: DerElement): Uint8Array {
  if (element.tag !== TAG.BIT_STRING) throw new DerError('a BIT STRING was expected', element.offset);
  if (element.content[0] !== 0) throw new DerError('this BIT STRING is made of whole octets', element.offset);
  return element.content.subarray(1);
}
