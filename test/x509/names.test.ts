import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerError, readDer, TAG } from '../../src/x509/der.ts';
import { element, objectIdentifier, sequence, setOf } from '../../src/x509/der-writer.ts';
import {
  buildName,
  formatName,
  type Name,
  type NameAttribute,
  nameAttribute,
  parseName,
} from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { FRANCE, hex, toHex } from './branch.ts';

const utf8 = (type: string, value: string): NameAttribute => ({ type, value, string: 'utf8' });
const PERSON: Name = [
  [FRANCE],
  [utf8(OID.title, 'Sage-Femme')],
  [utf8(OID.surname, 'MARTIN-DUPONT'), utf8(OID.commonName, '899700075064'), utf8(OID.givenName, 'ÉVE')],
];

// written by hand: RDNs in order, the three attributes of the last one by length
const PERSON_DER = `
  30 5c
    31 0b 30 09 06 03 55 04 06 13 02 46 52
    31 13 30 11 06 03 55 04 0c 0c 0a 53 61 67 65 2d 46 65 6d 6d 65
    31 38
      30 0b 06 03 55 04 2a 0c 04 c3 89 56 45
      30 13 06 03 55 04 03 0c 0c 38 39 39 37 30 30 30 37 35 30 36 34
      30 14 06 03 55 04 04 0c 0d 4d 41 52 54 49 4e 2d 44 55 50 4f 4e 54`;

describe('a name is written', () => {
  it('with RDNs in the given order and the attributes of one RDN in DER order', () => {
    expect(toHex(buildName(PERSON))).toBe(toHex(hex(PERSON_DER)));
  });

  it.each([
    ['a PrintableString with a character it has not', { type: OID.commonName, value: 'a@b', string: 'printable' }],
    ['an IA5String beyond ASCII', { type: OID.emailAddress, value: 'é@example.fr', string: 'ia5' }],
    ['a UTF8String with a lone surrogate', { type: OID.commonName, value: 'a\ud800', string: 'utf8' }],
    ['a string type that is only read', { type: OID.commonName, value: 'a', string: 'other' }],
  ] satisfies [string, NameAttribute][])('but never %s', (_, attribute) => {
    expect(() => buildName([[attribute]])).toThrow();
  });
});

describe('a name is read', () => {
  it('back as it was written', () => {
    const name = parseName(readDer(buildName(PERSON)));
    expect(toHex(buildName(name))).toBe(toHex(hex(PERSON_DER)));
    expect(name[2]?.map(({ type }) => type)).toEqual([OID.givenName, OID.commonName, OID.surname]);
    expect(nameAttribute(name, OID.surname)).toBe('MARTIN-DUPONT');
    expect(nameAttribute(name, OID.organizationName)).toBeUndefined();
  });

  it('whatever it holds: building and reading are inverse', () => {
    const printable = fc.string({ unit: fc.constantFrom(..."AZaz09 '()+,-./:=?"), minLength: 1, maxLength: 20 });
    const attribute = fc.oneof(
      fc.record({
        type: fc.constant(OID.commonName),
        value: fc.string({ unit: 'binary', minLength: 1 }),
        string: fc.constant('utf8' as const),
      }),
      fc.record({ type: fc.constant(OID.countryName), value: printable, string: fc.constant('printable' as const) }),
      fc.record({
        type: fc.constant(OID.emailAddress),
        value: fc.string({ unit: 'binary-ascii' }),
        string: fc.constant('ia5' as const),
      }),
    );
    const names = fc.array(fc.uniqueArray(attribute, { selector: ({ type }) => type, minLength: 1, maxLength: 3 }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(names, (name) => {
        const read = parseName(readDer(buildName(name)));
        const sorted = (rdns: Name): Name => rdns.map((rdn) => [...rdn].sort((a, b) => (a.type < b.type ? -1 : 1)));
        expect(sorted(read)).toEqual(sorted(name));
      }),
      { numRuns: 300, seed: 5280 },
    );
  });

  const one = (tag: number, ...octets: number[]): Uint8Array =>
    sequence(setOf(sequence(objectIdentifier(OID.commonName), element(tag, Uint8Array.from(octets)))));

  it.each([
    ['BMPString', TAG.BMP_STRING, [0x00, 0xc9, 0x20, 0xac], 'É€'],
    ['UniversalString', TAG.UNIVERSAL_STRING, [0x00, 0x01, 0xf6, 0x00], '😀'],
    ['TeletexString', TAG.TELETEX_STRING, [0xc9], 'É'],
  ])('with a %s marked as a type that we do not write', (_, tag, octets, value) => {
    expect(parseName(readDer(one(tag, ...octets)))).toEqual([[{ type: OID.commonName, value, string: 'other' }]]);
  });

  it('with a byte order mark kept, so that nothing hides in it', () => {
    expect(nameAttribute(parseName(readDer(one(TAG.UTF8_STRING, 0xef, 0xbb, 0xbf, 0x61))), OID.commonName)).toBe(
      '\ufeffa',
    );
  });

  const cn = (value: string): Uint8Array =>
    sequence(objectIdentifier(OID.commonName), element(TAG.UTF8_STRING, Buffer.from(value)));
  it.each([
    ['a PrintableString with @', one(TAG.PRINTABLE_STRING, 0x40)],
    ['an IA5String with an octet above 127', one(TAG.IA5_STRING, 0x80)],
    ['UTF-8 that is cut off', one(TAG.UTF8_STRING, 0xc3)],
    ['UTF-8 in more octets than needed', one(TAG.UTF8_STRING, 0xc0, 0xaf)],
    ['a surrogate in UTF-8', one(TAG.UTF8_STRING, 0xed, 0xa0, 0x80)],
    ['a BMPString of three octets', one(TAG.BMP_STRING, 0, 0x61, 0)],
    ['a lone surrogate in a BMPString', one(TAG.BMP_STRING, 0xd8, 0x00)],
    ['a UniversalString of five octets', one(TAG.UNIVERSAL_STRING, 0, 0, 0, 0x61, 0)],
    ['a UniversalString beyond Unicode', one(TAG.UNIVERSAL_STRING, 0, 0x11, 0, 0)],
    ['a value that is no string', one(TAG.INTEGER, 1)],
    ['an empty RDN', sequence(element(TAG.SET))],
    ['an RDN that is a SEQUENCE', sequence(sequence(cn('a')))],
    ['an RDN in another order than DER', sequence(element(TAG.SET, cn('bb'), cn('a')))],
    ['an RDN with the same attribute twice', sequence(element(TAG.SET, cn('a'), cn('a')))],
    ['an attribute of three parts', sequence(setOf(sequence(objectIdentifier(OID.commonName), cn('a'), cn('b'))))],
    ['an attribute without a value', sequence(setOf(sequence(objectIdentifier(OID.commonName))))],
    ['a name that is a SET', setOf()],
  ])('but not %s', (_, der) => {
    expect(() => parseName(readDer(der))).toThrow(DerError);
  });
});

describe('a name is shown in RFC 4514', () => {
  it('from the last RDN to the first, a multi-valued one joined by plus', () => {
    expect(formatName(parseName(readDer(hex(PERSON_DER))))).toBe(
      'GN=ÉVE+CN=899700075064+SN=MARTIN-DUPONT,title=Sage-Femme,C=FR',
    );
  });

  it.each([
    ['#a', '\\#a'],
    [' a ', '\\ a\\ '],
    [' ', '\\ '],
    ['  ', '\\ \\ '],
    ['a#b c', 'a#b c'],
    ['a,b+c"d\\e<f>g;h=i', 'a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h=i'],
    ['a\\ ', 'a\\\\\\ '],
    ['a\0b', 'a\\00b'],
    ['a\u0085\u001b[31m', 'a\\c2\\85\\1b[31m'],
    ['Lučić', 'Lučić'],
    ['', ''],
  ])('%j as %j', (value, shown) => {
    expect(formatName([[utf8(OID.commonName, value)]])).toBe(`CN=${shown}`);
  });

  it('with dotted types and hexadecimal values where there is no short name', () => {
    expect(formatName([[utf8('2.5.4.97', 'é')]])).toBe('2.5.4.97=#0c02c3a9');
  });
});
