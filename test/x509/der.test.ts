import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DerElement,
  DerError,
  REQUEST_LIMITS,
  readBitStringOctets,
  readDer,
  readInteger,
  readObjectIdentifier,
  readTime,
} from '../../src/x509/der.ts';
import {
  boolean,
  element,
  enumerated,
  generalizedTime,
  ia5String,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  printableString,
  sequence,
  setOf,
  time,
  utf8String,
} from '../../src/x509/der-writer.ts';

const hex = (text: string): Uint8Array => Buffer.from(text.replace(/ /g, ''), 'hex');
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The DerError that reading ends with: its offset is the furthest byte that was looked at. */
function failure(bytes: Uint8Array, limits = REQUEST_LIMITS): DerError {
  try {
    readDer(bytes, limits);
  } catch (error) {
    if (error instanceof DerError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('the reader refuses what is not DER', () => {
  it.each([
    ['an empty input', ''],
    ['an identifier without a length', '30'],
    ['a length beyond the end', '30 02 05'],
    ['a length that is cut off', '30 82 01'],
    ['a child beyond its parent', '30 03 02 02 01 00'],
    ['a child that takes from the next element', '30 07 30 03 02 02 01 05 00'],
    ['a stray octet after the element', '05 00 00'],
    ['an indefinite length', '30 80 05 00 00 00'],
    ['an indefinite length inside', '30 06 30 80 05 00 00 00'],
    ['a long form for a length below 128', '30 81 02 05 00'],
    ['a length with a leading zero', '30 82 00 02 05 00'],
    ['a length of five octets', '30 85 00 00 00 00 02 05 00'],
    ['the reserved length octet FF', `30 ff ${'00'.repeat(127)}`],
    ['a tag number of 2^70', '1f 81 80 80 80 80 80 80 80 80 80 00 01 00'],
    ['a small tag number in the long form', '1f 02 01 00'],
    ['a context-specific tag number in the long form', '9f 02 01 00'],
    ['a context-specific tag in the long form', 'bf 81 00 02 05 00'],
    ['end-of-contents octets', '00 00'],
    ['a constructed OCTET STRING', '24 03 04 01 61'],
    ['a constructed BIT STRING', '23 04 03 02 00 61'],
    ['a constructed UTF8String', '2c 03 0c 01 61'],
    ['a primitive SEQUENCE', '10 00'],
    ['a primitive SET', '11 00'],
    ['a primitive EXTERNAL', '08 01 00'],
    ['a primitive EMBEDDED PDV', '0b 01 00'],
    ['a REAL', '09 01 40'],
    ['a RELATIVE-OID', '0d 01 80'],
    ['a reserved universal type', '0f 01 00'],
    ['a BOOLEAN of 01', '01 01 01'],
    ['a BOOLEAN of two octets', '01 02 ff ff'],
    ['a BOOLEAN without octets', '01 00'],
    ['an INTEGER without octets', '02 00'],
    ['an INTEGER with a needless 00', '02 02 00 7f'],
    ['an INTEGER with a needless FF', '02 02 ff 80'],
    ['an ENUMERATED with a needless 00', '0a 02 00 01'],
    ['a NULL with contents', '05 01 00'],
    ['a BIT STRING without octets', '03 00'],
    ['a BIT STRING with 8 unused bits', '03 02 08 00'],
    ['an empty BIT STRING with unused bits', '03 01 01'],
    ['a BIT STRING whose unused bits are set', '03 02 01 01'],
    ['an OBJECT IDENTIFIER without octets', '06 00'],
    ['an OBJECT IDENTIFIER that ends inside an arc', '06 02 2a 86'],
    ['an OBJECT IDENTIFIER whose arc begins with 80', '06 03 2a 80 01'],
    ['an OBJECT IDENTIFIER of 65 octets', `06 41 ${'2a'.repeat(65)}`],
    ['a UTCTime without seconds', `17 0b ${toHex(Buffer.from('2601010000Z'))}`],
    ['a UTCTime with an offset', `17 11 ${toHex(Buffer.from('260101000000+0000'))}`],
    ['a UTCTime of 30 February', `17 0d ${toHex(Buffer.from('260230000000Z'))}`],
    ['a UTCTime of 24 hours', `17 0d ${toHex(Buffer.from('260101240000Z'))}`],
    ['a UTCTime with a line feed after Z', `17 0e ${toHex(Buffer.from('260101000000Z\n'))}`],
    ['a GeneralizedTime with a fraction', `18 12 ${toHex(Buffer.from('20260101000000.50Z'))}`],
    ['a GeneralizedTime without Z', `18 0e ${toHex(Buffer.from('20260101000000'))}`],
  ])('%s', (_name, text) => {
    expect(() => readDer(hex(text))).toThrow(DerError);
    // also where it is the contents of something that is right
    if (text !== '') expect(() => readDer(sequence(hex(text), hex('0500')))).toThrow(DerError);
  });

  it('a second element after the first', () => {
    expect(failure(hex('05000500')).offset).toBe(2);
  });

  it('at every offset where a nested element can be cut', () => {
    const whole = sequence(
      integer(1),
      setOf(utf8String('é'), sequence()),
      octetString(new Uint8Array(200)),
      time(new Date(0)),
    );
    expect(readDer(whole).children).toHaveLength(4);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => readDer(whole.subarray(0, length)), `cut at ${length}`).toThrow(DerError);
    }
  });

  it('so that whatever it accepts is what the writer would have written', () => {
    const rewrite = (node: DerElement): Uint8Array =>
      (node.tag & 0x20) === 0 ? element(node.tag, node.content) : element(node.tag, ...node.children.map(rewrite));
    const seeds = [
      sequence(integer(300), boolean(true), setOf(printableString('x'), utf8String('y'))),
      sequence(
        objectIdentifier('1.2.840.113549'),
        octetString(new Uint8Array(130)),
        namedBits([0, 5]),
        hex('a0020500'),
      ),
    ];
    const mutated = fc.tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 3 }));
    fc.assert(
      fc.property(mutated, ([seed, changes]) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        let read: DerElement;
        try {
          read = readDer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
          return;
        }
        expect(toHex(rewrite(read))).toBe(toHex(bytes));
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });
});

describe('the reader stops at its limits, whatever the size of the input', () => {
  it('20,000 levels of nesting cost as many elements as levels are allowed', () => {
    expect(failure(Buffer.alloc(40_000, '3080', 'hex')).offset).toBe(1);
    const definite = deep(20_000);
    const error = failure(definite, { ...REQUEST_LIMITS, bytes: definite.length });
    expect(error.message).toContain('nested');
    // a level costs at most an identifier and four length octets
    expect(error.offset).toBeLessThanOrEqual(REQUEST_LIMITS.depth * 5);
  });

  it('a million tiny elements are refused by size before the first is read', () => {
    const million = element(0x30, new Uint8Array(Buffer.alloc(2_000_000, '0500', 'hex')));
    expect(failure(million).message).toContain(`more than ${REQUEST_LIMITS.bytes} bytes`);
  });

  it('a million tiny elements cost as many elements as are allowed where the size is', () => {
    const million = element(0x30, new Uint8Array(Buffer.alloc(2_000_000, '0500', 'hex')));
    const error = failure(million, { ...REQUEST_LIMITS, bytes: million.length });
    expect(error.message).toContain('too many');
    expect(error.offset).toBeLessThanOrEqual(5 + 2 * REQUEST_LIMITS.elements);
  });

  it('a length of four gigabytes is refused at its first octet', () => {
    expect(failure(hex('3084ffffffff0500')).offset).toBe(1);
  });

  it('exactly the allowed depth and number of elements pass', () => {
    expect(readDer(deep(3), { bytes: 100, depth: 3, elements: 3 }).tag).toBe(0x30);
    expect(() => readDer(deep(4), { bytes: 100, depth: 3, elements: 9 })).toThrow(DerError);
    expect(() => readDer(deep(3), { bytes: 100, depth: 3, elements: 2 })).toThrow(DerError);
  });
});

/** SEQUENCEs inside each other, built from the end: quadratic copying would take longer than the test. */
function deep(levels: number): Uint8Array {
  const out: number[] = [];
  let length = 0;
  for (let level = 0; level < levels; level += 1) {
    const octets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
    if (length > 0xffff) octets.splice(0, 3, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
    out.push(...octets.reverse(), 0x30);
    length = out.length;
  }
  return Uint8Array.from(out.reverse());
}

describe('the reader gives the values', () => {
  it.each([
    ['0.9.2342.19200300.100.1.25', '060a 0992 2689 93f2 2c64 0119'],
    ['1.2.840.113549.1.1.11', '0609 2a86 4886 f70d 0101 0b'],
    ['2.5.4.3', '0603 5504 03'],
    ['2.999.1', '0603 8837 01'],
    ['2.25.340282366920938463463374607431768211455', `0614 69 83${'ff'.repeat(17)}7f`],
  ])('of the OBJECT IDENTIFIER %s', (dotted, text) => {
    expect(readObjectIdentifier(readDer(hex(text)))).toBe(dotted);
    expect(toHex(objectIdentifier(dotted))).toBe(toHex(hex(text)));
  });

  it.each([
    [0n, '020100'],
    [127n, '02017f'],
    [128n, '02020080'],
    [65537n, '0203010001'],
    [-1n, '0201ff'],
    [-128n, '020180'],
    [-32768n, '02028000'],
  ])('of the INTEGER %s', (value, text) => {
    expect(readInteger(readDer(hex(text)))).toBe(value);
    if (value >= 0n) expect(toHex(integer(value))).toBe(text);
  });

  it('of times, with the century of RFC 5280', () => {
    const year = (text: string): number => readTime(readDer(element(0x17, Buffer.from(text)))).getUTCFullYear();
    expect(year('491231235959Z')).toBe(2049);
    expect(year('500101000000Z')).toBe(1950);
    expect(readTime(readDer(generalizedTime(new Date('9999-12-31T23:59:59Z')))).getTime()).toBe(253402300799000);
  });

  it('only of the type that is asked for', () => {
    const octets = readDer(octetString(Uint8Array.of(0, 1)));
    for (const read of [readInteger, readObjectIdentifier, readTime, readBitStringOctets]) {
      expect(() => read(octets)).toThrow(DerError);
    }
    expect(() => readBitStringOctets(readDer(namedBits([0])))).toThrow(DerError);
  });

  it('with offsets in the outermost input', () => {
    const outer = readDer(sequence(integer(1), sequence(boolean(true))));
    expect(outer.children[1]?.children[0]?.offset).toBe(7);
  });
});

describe('the writer', () => {
  it('puts a SET OF in ascending order', () => {
    expect(toHex(setOf(integer(300), integer(2), boolean(false)))).toBe('310a010100020102' + '0202012c');
  });

  it('drops trailing zero bits of named bits', () => {
    expect(toHex(namedBits([0, 5]))).toBe('03020284');
    expect(toHex(namedBits([8]))).toBe('0303070080');
    expect(toHex(namedBits([]))).toBe('030100');
  });

  it('changes from UTCTime to GeneralizedTime with 2050', () => {
    expect(time(new Date('2049-12-31T23:59:59Z'))[0]).toBe(0x17);
    expect(time(new Date('2050-01-01T00:00:00Z'))[0]).toBe(0x18);
  });

  it('writes a year before 1950 as GeneralizedTime, because UTCTime would mean another century', () => {
    expect(readTime(readDer(time(new Date('1949-12-31T23:59:59Z')))).getUTCFullYear()).toBe(1949);
  });

  it.each([
    ['a negative INTEGER', () => integer(-5)],
    ['a fraction', () => integer(1.5)],
    ['an ENUMERATED above 127', () => enumerated(128)],
    ['a character above 7 bits in an IA5String', () => ia5String('exa\u{ff4d}ple')],
    ['a character that latin1 would cut to a letter', () => ia5String('\u0161')],
    ['a character outside PrintableString', () => printableString('a@b')],
    ['a character that latin1 would cut to a printable one', () => printableString('\u0141')],
    ['a lone surrogate in a UTF8String', () => utf8String('a\ud800')],
    ['an OBJECT IDENTIFIER of one arc', () => objectIdentifier('2')],
    ['an OBJECT IDENTIFIER under a fourth root', () => objectIdentifier('3.1')],
    ['an OBJECT IDENTIFIER whose second arc runs into the next root', () => objectIdentifier('1.40')],
    ['an OBJECT IDENTIFIER with an empty arc', () => objectIdentifier('1.2..3')],
    ['a year above 9999', () => generalizedTime(new Date('+010000-01-01T00:00:00Z'))],
  ])('refuses to write %s', (_name, write) => {
    expect(write).toThrow(RangeError);
  });

  it('writes lengths of every size so that the reader reads them back', () => {
    for (const size of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const content = new Uint8Array(size).fill(7);
      const read = readDer(octetString(content), { bytes: 70_000, depth: 1, elements: 1 });
      expect(read.content.length).toBe(size);
    }
  });
});
