import { describe, expect, it } from 'vitest';
import { checkStructIdNat, parseStructIdNat } from '../../src/identifiers/structure.ts';
import { refusalOf } from '../helpers/refusal.ts';

const test = { test: true, at: '/holder/structIdNat' };
const production = { ...test, test: false };
const details = (text: string, options = production) => checkStructIdNat(text, options).map(({ detail }) => detail);

describe('Struct_IdNat', () => {
  it.each([
    ['1 and a FINESS number', '1750712184'],
    ['1 and a FINESS number of Corsica', '12B0000020'],
    ['1 and another of Corsica', '12B0005342'],
    ['2 and a SIREN', '2187512751'],
    ['2 and the SIREN of La Poste', '2356000000'],
    ['3 and a SIRET', '318751275100020'],
    ['3 and a SIRET of La Poste whose digits add up to a multiple of 5', '335600000009075'],
    ['4 and an RPPS-rang', '499700367909006'],
    ['0 and a cabinet ADELI', '00B607760201'],
  ])('is %s', (_, text) => {
    expect(details(text)).toEqual([]);
    expect(parseStructIdNat(text, production)).toEqual({ prefix: text[0], id: text.slice(1), text });
  });

  it.each([
    ['SIREN', '2187512752', 'digit 9 of the SIREN, its key, does not agree with the digits before it'],
    ['FINESS number', '1750712185', 'digit 9 of the FINESS number, its key, does not agree with the digits before it'],
    [
      'FINESS number of Corsica',
      '12B0000021',
      'digit 9 of the FINESS number, its key, does not agree with the digits before it',
    ],
    ['SIRET', '318751275100021', 'digit 14 of the SIRET, its key, does not agree with the digits before it'],
    ['RPPS-rang', '499700367909007', 'digit 14 of the RPPS-rang, its key, does not agree with the digits before it'],
    [
      'SIRET of La Poste that is no multiple of 5',
      '335600000009076',
      'digit 14 of the SIRET, its key, does not agree with the digits before it',
    ],
  ])('names the digit of a %s with a wrong key', (_, text, detail) => {
    expect(details(text)).toContain(detail);
  });

  it('says what the key would be', () => {
    expect(checkStructIdNat('2187512752', production)).toEqual([
      {
        rule: 'SIREN: 9 digits, the last is a Luhn key',
        at: '/holder/structIdNat',
        detail: 'digit 9 of the SIREN, its key, does not agree with the digits before it',
        remedy: 'with these digits before it the key would be 1: look for a mistyped digit',
      },
    ]);
  });

  it('finds a wrong SIREN inside a SIRET as well as the key of the SIRET', () => {
    expect(details('318751275200020')).toEqual([
      'digit 9 of the SIREN, its key, does not agree with the digits before it',
      'digit 14 of the SIRET, its key, does not agree with the digits before it',
    ]);
  });

  it('names the place of a department that does not exist and of a character that is always 0', () => {
    expect(details('1990712184')).toContain('characters 1 and 2 are not a department');
    expect(details('1751712183')).toContain('character 3 is always 0');
  });

  it.each(['10B0057881', '10B0039129', '11B0062640', '11B0073160'])(
    'takes the test FINESS number %s in a test branch only',
    (text) => {
      expect(details(text, test)).toEqual([]);
      expect(details(text)).toContain('characters 1 and 2 are not a department');
    },
  );

  it('checks the key of Corsican and of ordinary FINESS numbers in a test branch too', () => {
    expect(details('12B0000021', test)).toHaveLength(1);
    expect(details('1750712185', test)).toHaveLength(1);
  });

  it.each([
    ['5', '5750712184', 'prefixes 5 and 6 were withdrawn in 2016'],
    ['6', '6750712184', 'prefixes 5 and 6 were withdrawn in 2016'],
    ['7', '7750712184', 'digit 1 tells the register: 0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS'],
    ['none', '', 'digit 1 tells the register: 0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS'],
  ])('has no prefix %s', (_, text, detail) => {
    expect(details(text)).toEqual([detail]);
  });

  it.each([
    ['spaces', '3187512751 00020'],
    ['a digit too few', '31875127510002'],
    ['a digit too many', '3187512751000200'],
    ['digits of another script', '2١٨٧٥١٢٧٥١'],
    ['a small letter', '12b0000020'],
    ['a line break at the end', '2187512751\n'],
  ])('is refused with %s', (_, text) => {
    const { code, findings } = refusalOf(() => parseStructIdNat(text, test));
    expect(code).toBe('identifier_invalid');
    expect(findings).toHaveLength(1);
  });
});
