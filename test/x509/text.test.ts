import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkText } from '../../src/x509/text.ts';

const details = (value: string, max = 64): string[] => checkText(value, { max }).map((finding) => finding.detail);

describe('a name may not carry', () => {
  it.each([
    ['NUL', 'www.sante.fr\0.evil.example', 'a NUL character: U+0000 as character 13'],
    ['a tabulator', 'a\tb', 'a control character: U+0009 as character 2'],
    ['a line feed', 'a\nb', 'a control character: U+000A as character 2'],
    ['an escape', '\u001b[31m', 'a control character: U+001B as character 1'],
    ['DEL', 'a\u007f', 'a control character: U+007F as character 2'],
    ['a C1 control', 'a\u0085', 'a control character: U+0085 as character 2'],
    [
      'a right-to-left override',
      'a\u202egnp',
      'a character that changes the direction of writing: U+202E as character 2',
    ],
    ['a left-to-right mark', 'a\u200e', 'a character that changes the direction of writing: U+200E as character 2'],
    ['an isolate', '\u2066a\u2069', 'a character that changes the direction of writing: U+2066 as character 1'],
    ['an Arabic letter mark', '\u061c', 'a character that changes the direction of writing: U+061C as character 1'],
    ['a zero-width space', 'a\u200bb', 'a character of no width or no ink: U+200B as character 2'],
    ['a zero-width joiner', 'a\u200db', 'a character of no width or no ink: U+200D as character 2'],
    ['a word joiner', 'a\u2060b', 'a character of no width or no ink: U+2060 as character 2'],
    ['a byte order mark', '\ufeffa', 'a character of no width or no ink: U+FEFF as character 1'],
    ['a soft hyphen', 'a\u00adb', 'a character of no width or no ink: U+00AD as character 2'],
    ['a variation selector', 'a\ufe0f', 'a character of no width or no ink: U+FE0F as character 2'],
    ['a tag character', 'a\u{e0041}', 'a character of no width or no ink: U+E0041 as character 2'],
    ['a Hangul filler', '\u3164', 'a character of no width or no ink: U+3164 as character 1'],
    ['a Braille blank', '\u2800', 'a character of no width or no ink: U+2800 as character 1'],
    ['a no-break space', 'a\u00a0b', 'white space other than the plain space: U+00A0 as character 2'],
    ['a line separator', 'a\u2028b', 'white space other than the plain space: U+2028 as character 2'],
    ['a lone high surrogate', 'a\ud800', 'a lone surrogate: U+D800 as character 2'],
    ['a lone low surrogate', '\udc00a', 'a lone surrogate: U+DC00 as character 1'],
    [
      'the replacement character',
      'caf\ufffd',
      'the replacement character, the trace of a wrong decoding: U+FFFD as character 4',
    ],
    ['a private use character', '\ue000', 'a character that Unicode does not define: U+E000 as character 1'],
    ['a non-character', '\uffff', 'a character that Unicode does not define: U+FFFF as character 1'],
    ['a combining accent where one letter exists', 'He\u0301le\u0300ne', 'the text is not in normalisation form C'],
    ['a look-alike that normalisation replaces', '\u212b', 'the text is not in normalisation form C'],
  ])('%s', (_name, value, detail) => {
    expect(details(value)).toEqual([detail]);
  });

  it('more characters than allowed, counted as code points', () => {
    expect(details('é'.repeat(64))).toEqual([]);
    expect(details('é'.repeat(65))).toEqual(['more than 64 characters']);
    expect(details('\u{1f3e5}'.repeat(64))).toEqual([]);
    expect(details('\u{1f3e5}'.repeat(65))).toEqual(['more than 64 characters']);
  });

  it('several faults: each is found at once, with the place that the caller names', () => {
    const findings = checkText('a\0\u202e\u200b', { max: 64, at: '/names/commonName' });
    expect(findings.map((finding) => finding.at)).toEqual(Array(3).fill('/names/commonName'));
    expect(new Set(findings.map((finding) => finding.detail)).size).toBe(3);
  });
});

describe('a name may carry', () => {
  it.each([
    'CENTRE HOSPITALIER DE L’ÎLE D’YEU',
    "Val-d'Oise (95)",
    'rpps.tra.henix;asipsante.fr',
    'signature rpps_2',
    'Œuvre Saint-Étienne « Ÿ » №1 & Cie <a href="x">',
    'Χαράλαμπος Łukasz 李',
    '',
  ])('%s', (value) => {
    expect(details(value)).toEqual([]);
  });
});

it('a text that is far too long is not looked into', () => {
  // unordered combining marks make normalisation slow; the one finding shows that it was not reached
  expect(details('\u0301\u0316'.repeat(100_000))).toEqual(['more than 64 characters']);
});

it('whatever passes is well formed, normalised, and prints as one line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
      if (details(value).length > 0) return;
      expect(value.isWellFormed()).toBe(true);
      expect(value.normalize('NFC')).toBe(value);
      expect(JSON.stringify(value)).not.toMatch(/\\u|\\[nrtbf]/);
    }),
    { numRuns: 3_000, seed: 1 },
  );
});
