import { describe, expect, it } from 'vitest';
import { TAG } from '../../src/x509/der.ts';
import { element, sequence, setOf, utf8String } from '../../src/x509/der-writer.ts';
import { formatName } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { admit, attribute, buildCsr, subject } from '../helpers/csr.ts';
import { refusalOf } from '../helpers/refusal.ts';

const named = (value: Uint8Array, type: string = OID.commonName): Uint8Array =>
  buildCsr({ subject: subject(attribute(type, value)) });
const utf8 = (...octets: readonly number[]): Uint8Array => element(TAG.UTF8_STRING, Uint8Array.from(octets));
const latin = (tag: number, text: string): Uint8Array => element(tag, Buffer.from(text, 'latin1'));
const wide = (text: string): Uint8Array => element(TAG.BMP_STRING, Buffer.from(text, 'utf16le').swap16());
const NOT_TEXT = 'the octets are not text of the string type that they are said to be';

describe('row 10: a subject that no one could show safely is name_not_allowed:', () => {
  it.each<[string, Uint8Array, string]>([
    ['NUL', named(utf8String('www.hopital.fr\0.evil.example')), 'a NUL character: U+0000 as character 15'],
    ['a control character', named(utf8String('a\u001b[31m')), 'a control character: U+001B as character 2'],
    [
      'a bidirectional override',
      named(utf8String('a\u202efdp')),
      'a character that changes the direction of writing: U+202E as character 2',
    ],
    ['a zero-width space', named(utf8String('a\u200bb')), 'a character of no width or no ink: U+200B as character 2'],
    [
      'a byte order mark',
      named(utf8(0xef, 0xbb, 0xbf, 0x61)),
      'a character of no width or no ink: U+FEFF as character 1',
    ],
    [
      'text not in normalisation form C',
      named(utf8String('He\u0301le\u0300ne')),
      'the text is not in normalisation form C',
    ],
    ['UTF-8 that is cut off', named(utf8(0x61, 0xc3)), NOT_TEXT],
    ['Latin-1 as UTF-8', named(utf8(0x48, 0xf4)), NOT_TEXT],
    ['UTF-8 that is longer than it needs to be', named(utf8(0xc0, 0x80)), NOT_TEXT],
    ['a surrogate in UTF-8', named(utf8(0xed, 0xa0, 0x80)), NOT_TEXT],
    ['a code point above Unicode', named(utf8(0xf4, 0x90, 0x80, 0x80)), NOT_TEXT],
    ['a common name of 65 characters', named(utf8String('a'.repeat(65))), 'more than 64 characters'],
    ['a country of 3 characters', named(utf8String('FRA'), OID.countryName), 'more than 2 characters'],
    [
      'an unknown attribute of 1025 characters',
      named(utf8String('é'.repeat(1_025)), '1.2.3'),
      'more than 1024 characters',
    ],
    ['NUL in a PrintableString', named(latin(TAG.PRINTABLE_STRING, 'a\0')), NOT_TEXT],
    ['an at sign in a PrintableString', named(latin(TAG.PRINTABLE_STRING, 'a@b')), NOT_TEXT],
    [
      'NUL in an IA5String',
      named(latin(TAG.IA5_STRING, 'a\0'), OID.emailAddress),
      'a NUL character: U+0000 as character 2',
    ],
    ['Latin-1 in an IA5String', named(latin(TAG.IA5_STRING, 'é'), OID.emailAddress), NOT_TEXT],
    [
      'an escape in a TeletexString',
      named(latin(TAG.TELETEX_STRING, '\u001b%G')),
      'a control character: U+001B as character 1',
    ],
    ['NUL in a BMPString', named(wide('a\0b')), 'a NUL character: U+0000 as character 2'],
    [
      'an override in a BMPString',
      named(wide('a\u202e')),
      'a character that changes the direction of writing: U+202E as character 2',
    ],
    ['a lone surrogate in a BMPString', named(wide('a\ud800')), 'a lone surrogate: U+D800 as character 2'],
    ['a BMPString of odd length', named(element(TAG.BMP_STRING, Uint8Array.of(0, 97, 0))), NOT_TEXT],
    ['a UniversalString above Unicode', named(element(TAG.UNIVERSAL_STRING, Uint8Array.of(0, 0x11, 0, 0))), NOT_TEXT],
    [
      'a zero-width joiner in an attribute that nobody reads',
      named(utf8String('a\u200d'), '1.2.3'),
      'a character of no width or no ink: U+200D as character 2',
    ],
  ])('%s', (_name, der, detail) => {
    const refusal = refusalOf(() => admit(der));
    expect(refusal.code).toBe('name_not_allowed');
    expect(refusal.findings.map((finding) => finding.detail)).toEqual([detail]);
    expect(refusal.findings[0]?.at).toMatch(/^certificationRequestInfo\.subject\.0 @ \d+$/);
  });

  it('all faults of all attributes at once, in multi-valued RDNs too', () => {
    const rdn = setOf(
      attribute(OID.organizationName, utf8String('a\0')),
      attribute(OID.commonName, utf8String('b\u202e')),
    );
    const der = buildCsr({ subject: sequence(rdn, setOf(attribute(OID.localityName, utf8(0xff)))) });
    const { findings } = refusalOf(() => admit(der));
    expect(findings.map((finding) => finding.at?.split(' ')[0])).toEqual([
      'certificationRequestInfo.subject.0',
      'certificationRequestInfo.subject.0',
      'certificationRequestInfo.subject.1',
    ]);
  });
});

describe('row 12: characters that are only dangerous elsewhere pass, and are escaped where they are shown:', () => {
  it.each([
    ["Robert'); DROP TABLE certificate;--", "CN=Robert'); DROP TABLE certificate;--".replaceAll(';', '\\;')],
    ['a,O=Evil+OU=x', 'CN=a\\,O=Evil\\+OU=x'],
    ['<script>alert(1)</script>', 'CN=\\<script\\>alert(1)\\</script\\>'],
    ['#0c0161 ', 'CN=\\#0c0161\\ '],
  ])('%s', (text, shown) => {
    expect(formatName(admit(named(utf8String(text))).subject)).toBe(shown);
  });

  it.each<[string, Uint8Array, string]>([
    ['accents', named(utf8String('Hôpital de l’Île')), 'CN=Hôpital de l’Île'],
    ['a BMPString of an old Windows', named(wide('Hôpital')), 'CN=Hôpital'],
    ['a TeletexString of an old openssl', named(latin(TAG.TELETEX_STRING, 'Hôpital')), 'CN=Hôpital'],
    ['an empty value', named(utf8String('')), 'CN='],
  ])('%s pass', (_name, der, shown) => {
    expect(formatName(admit(der).subject)).toBe(shown);
  });
});
