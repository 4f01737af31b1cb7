import { describe, expect, it } from 'vitest';
import { checkIdNatPs, checkRegistryNumber, employeeIdNatPs, parseIdNatPs } from '../../src/identifiers/person.ts';
import { parseStructIdNat } from '../../src/identifiers/structure.ts';
import { refusalOf } from '../helpers/refusal.ts';

const test = { test: true, at: '/holder/idNatPs' };
const details = (text: string, options = test) => checkIdNatPs(text, options).map(({ detail }) => detail);

describe('IdNat_PS', () => {
  it.each([
    ['8 and an RPPS number', '899700075064', { prefix: '8', id: '99700075064' }],
    ['0 and an ADELI number', '00B6077602', { prefix: '0', id: '0B6077602' }],
    [
      '3, a test FINESS number and a registry number',
      '30B0057881/CPET0002',
      { prefix: '3', id: '0B0057881', registryNumber: 'CPET0002' },
    ],
    [
      '5, a SIRET and a registry number',
      '518751275100020/12',
      { prefix: '5', id: '18751275100020', registryNumber: '12' },
    ],
    ['4, a SIREN and a registry number', '4187512751/12', { prefix: '4', id: '187512751', registryNumber: '12' }],
    [
      '6, an RPPS-rang and a registry number',
      '699700367909006/1',
      { prefix: '6', id: '99700367909006', registryNumber: '1' },
    ],
    [
      '1, a cabinet ADELI and a registry number',
      '10B607760201/1',
      { prefix: '1', id: '0B607760201', registryNumber: '1' },
    ],
  ])('is %s', (_, text, parts) => {
    expect(parseIdNatPs(text, test)).toEqual({ ...parts, text });
  });

  it('names the digit of an RPPS number with a wrong key, and never repeats the number', () => {
    const { code, findings } = refusalOf(() => parseIdNatPs('899700075065', test));
    expect(code).toBe('identifier_invalid');
    expect(findings.map(({ detail }) => detail)).toEqual([
      'digit 11 of the RPPS number, its key, does not agree with the digits before it',
    ]);
    expect(JSON.stringify(findings)).not.toContain('9970007506');
  });

  it.each([
    [
      'an ADELI number too short',
      '00B607760',
      'an ADELI number is 9 characters: digits, or a capital letter in second place',
    ],
    [
      'a registry number behind an RPPS number',
      '899700075064/1',
      'ADELI and RPPS numbers have no registry number behind them',
    ],
    [
      'an employee without a registry number',
      '30B0057881',
      'a registry number is 1 to 20 digits and capital letters A to Z',
    ],
    ['the closed register of the DRASS', '2123456789', 'registers 2 (DRASS) and 9 (students) are closed'],
    ['the closed register of students', '9123456789', 'registers 2 (DRASS) and 9 (students) are closed'],
    [
      'an unknown register',
      '7123456789',
      'digit 1 tells the register: 0 ADELI, 8 RPPS, or 1, 3, 4, 5, 6 for employees',
    ],
    ['a mail address', '10nom@exemple.mssante.fr', 'a registry number is 1 to 20 digits and capital letters A to Z'],
  ])('is not %s', (_, text, detail) => {
    expect(details(text)).toContain(detail);
  });

  it('finds what is wrong on both sides of the slash', () => {
    expect(details('3750712185/cpe 1')).toHaveLength(2);
  });

  it.each(['a', 'A B', 'A/B', '', 'A'.repeat(21), 'É'])('has no registry number %j', (text) => {
    expect(checkRegistryNumber(text, '/holder/registryNumber')).toHaveLength(1);
  });

  it.each([
    ['10B0057881', '30B0057881/CPET0002'],
    ['2187512751', '4187512751/CPET0002'],
    ['318751275100020', '518751275100020/CPET0002'],
    ['499700367909006', '699700367909006/CPET0002'],
    ['00B607760201', '10B607760201/CPET0002'],
  ])('of an employee of %s is %s', (structure, person) => {
    expect(employeeIdNatPs(parseStructIdNat(structure, test), 'CPET0002')).toBe(person);
    expect(details(person)).toEqual([]);
  });
});
