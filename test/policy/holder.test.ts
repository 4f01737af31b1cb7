import { describe, expect, it } from 'vitest';
import {
  checkHolder,
  type Employee,
  type Holder,
  holderKey,
  type Professional,
  type Structure,
} from '../../src/policy/holder.ts';
import { profileOf } from './policies.ts';

const structure: Structure = { structIdNat: '318751275100020', name: 'AGENCE DU NUMERIQUE EN SANTE', department: '75' };
const professional: Professional = {
  kind: 'professional',
  idNatPs: '899700041983',
  familyName: 'DENTISTE RPPS-ADELI',
  givenName: 'GERALDINE',
  profession: 40,
  card: { number: '8025000001/2500634598' },
};
const employee: Employee = {
  kind: 'employee',
  structure: { structIdNat: '10B0057881', name: 'HOPITAL DES 3 DAMES', department: '75' },
  registryNumber: 'CPET0002',
  familyName: 'ADMINISTRATIF-CH057880002',
  givenName: 'CHARLES',
  card: { number: '8025000001/2600301752' },
};
const { card: _card, ...bareProfessional } = professional;
const { card: __card, ...bareEmployee } = employee;
const EMAIL = 'geraldine@exemple.fr';

const found = (profile: string, holder: Holder, test = true) =>
  checkHolder(holder, profileOf(profile), { test }).map(({ code, finding }) => [code, finding.at]);

describe('a holder', () => {
  it.each<[string, Holder, string]>([
    ['serv-ssl', { kind: 'structure', ...structure }, '318751275100020'],
    ['cps-auth', professional, '899700041983'],
    ['cpe-auth', employee, '30B0057881/CPET0002'],
    ['pro-auth', bareEmployee, '30B0057881/CPET0002'],
    ['pro-sign', { ...bareEmployee, email: EMAIL }, '30B0057881/CPET0002'],
    ['ps-auth', bareProfessional, '899700041983'],
    ['ps-conf', { ...bareProfessional, email: EMAIL }, '899700041983'],
    ['cpf-auth', professional, '899700041983'],
    ['cda-auth', employee, '30B0057881/CPET0002'],
    ['ocsp-responder', { kind: 'ca', id: 'ACI-EL-ORG-TEST' }, 'ACI-EL-ORG-TEST'],
  ])('of the kind that %s is for passes, and is known by its identifier', (profile, holder, key) => {
    expect(found(profile, holder)).toEqual([]);
    expect(holderKey(holder)).toBe(key);
  });

  it.each<[string, Holder]>([
    ['serv-ssl', professional],
    ['cps-auth', employee],
    ['cpe-auth', { kind: 'structure', ...structure }],
    ['serv-ssl', { kind: 'ca', id: 'ACI-EL-ORG-TEST' }],
  ])('of another kind is refused by %s', (profile, holder) => {
    expect(found(profile, holder)).toEqual([['holder_invalid', '/holder/kind']]);
  });

  it.each<[string, Partial<Structure>, string, string]>([
    ['a wrong check digit', { structIdNat: '318751275100021' }, 'identifier_invalid', '/holder/structIdNat'],
    ['an unknown prefix', { structIdNat: '918751275100020' }, 'identifier_invalid', '/holder/structIdNat'],
    ['an unknown department', { department: '20' }, 'holder_invalid', '/holder/department'],
    ['a label for a department', { department: 'Paris (75)' }, 'holder_invalid', '/holder/department'],
    ['no name', { name: '' }, 'name_not_allowed', '/holder/name'],
    ['a blank name', { name: '  ' }, 'name_not_allowed', '/holder/name'],
    ['a name that begins with a space', { name: ' CLINIQUE' }, 'name_not_allowed', '/holder/name'],
    ['a name that ends with a space', { name: 'CLINIQUE ' }, 'name_not_allowed', '/holder/name'],
    ['a name with two spaces in a row', { name: 'LA  CLINIQUE' }, 'name_not_allowed', '/holder/name'],
    [
      'a name with a Cyrillic letter that looks like a Latin one',
      { name: '\u0421LINIQUE' },
      'name_not_allowed',
      '/holder/name',
    ],
    ['a letter of full width', { name: '\uff23LINIQUE' }, 'name_not_allowed', '/holder/name'],
    ['a phonetic letter', { name: 'CLIN\u026aQUE' }, 'name_not_allowed', '/holder/name'],
    ['a ligature', { name: 'CLINIQUE \ufb01LLE' }, 'name_not_allowed', '/holder/name'],
    ['a digit of another script', { name: 'CLINIQUE \u0661' }, 'name_not_allowed', '/holder/name'],
    ['a leader that looks like a dot', { name: 'www\u2024chu' }, 'name_not_allowed', '/holder/name'],
    ['a division slash', { name: 'a\u2215b' }, 'name_not_allowed', '/holder/name'],
    ['a name with a NUL', { name: 'CLINIQUE\0' }, 'name_not_allowed', '/holder/name'],
    ['a name with a bidirectional control', { name: 'CLINIQUE\u202e' }, 'name_not_allowed', '/holder/name'],
    ['a name of 256 characters', { name: 'A'.repeat(256) }, 'name_not_allowed', '/holder/name'],
  ])('that is a structure is refused with %s', (_, change, code, at) => {
    expect(found('serv-ssl', { kind: 'structure', ...structure, ...change })).toEqual([[code, at]]);
  });

  it.each(['L’HÔPITAL « SAINT-JEAN » – SITE n° 2', 'Œuvre & Cie (75)', 'GHT 1/2 + annexes'])(
    'that is a structure may be named %s',
    (name) => {
      expect(found('serv-ssl', { kind: 'structure', ...structure, name })).toEqual([]);
    },
  );

  it.each(['ＤＵＲＡＮＤ', 'ᴅᴜʀᴀɴᴅ', 'DUPONT١', 'DURAND①', 'Ⅾurand', 'DURAND\u0335', 'DURAND\u20dd', 'D/URAND'])(
    'that is a person is not named %s',
    (familyName) => {
      expect(found('cps-auth', { ...professional, familyName })).toEqual([['name_not_allowed', '/holder/familyName']]);
    },
  );

  it.each(["D'ALEMBERT", 'NGUYỄN', 'ÇELİK', 'LE GALL-O’NEIL', 'Łukasz', 'J̌ONES'])(
    'that is a person may be named %s',
    (familyName) => {
      expect(found('cps-auth', { ...professional, familyName })).toEqual([]);
    },
  );

  it.each<[string, Partial<Professional>, string, string]>([
    ['a wrong check digit', { idNatPs: '899700041984' }, 'identifier_invalid', '/holder/idNatPs'],
    ['the identifier of an employee', { idNatPs: '30B0057881/CPET0002' }, 'identifier_invalid', '/holder/idNatPs'],
    ['an unknown profession', { profession: 11 }, 'holder_invalid', '/holder/profession'],
    ['a fraction of a profession', { profession: 40.5 }, 'holder_invalid', '/holder/profession'],
    ['no given name', { givenName: '' }, 'name_not_allowed', '/holder/givenName'],
    ['markup in a name', { familyName: '<b>DENTISTE</b>' }, 'name_not_allowed', '/holder/familyName'],
    ['a name of 65 characters', { familyName: 'A'.repeat(65) }, 'name_not_allowed', '/holder/familyName'],
    ['a zero-width character in a name', { givenName: 'GERA\u200dLDINE' }, 'name_not_allowed', '/holder/givenName'],
    [
      'a card number without a slash',
      { card: { number: '80250000012500634598' } },
      'holder_invalid',
      '/holder/card/number',
    ],
    [
      'a card number with a line break',
      { card: { number: '8025000001/2500634598\n' } },
      'holder_invalid',
      '/holder/card/number',
    ],
  ])('that is a professional is refused with %s', (_, change, code, at) => {
    expect(found('cps-auth', { ...professional, ...change })).toEqual([[code, at]]);
  });

  it.each<[string, Holder]>([
    ['cps-sign', bareProfessional],
    ['cpf-auth', bareProfessional],
    ['cpe-sign', bareEmployee],
    ['cde-auth', bareEmployee],
  ])('without a card is refused by %s', (profile, holder) => {
    expect(found(profile, holder)).toEqual([['holder_invalid', '/holder/card/number']]);
  });

  it.each<[string, Holder]>([
    ['ps-auth', professional],
    ['pro-auth', employee],
  ])('with a card is refused by %s, which is software', (profile, holder) => {
    expect(found(profile, holder)).toEqual([['holder_invalid', '/holder/card']]);
  });

  it.each<[string, Holder, string]>([
    ['ps-sign', bareProfessional, 'holder_invalid'],
    ['ps-conf', bareProfessional, 'holder_invalid'],
    ['pro-sign', bareEmployee, 'holder_invalid'],
    ['pro-conf', bareEmployee, 'holder_invalid'],
    ['ps-sign', { ...bareProfessional, email: '' }, 'name_not_allowed'],
    ['pro-sign', { ...bareEmployee, email: 'charles@Exemple.fr' }, 'name_not_allowed'],
    ['pro-conf', { ...bareEmployee, email: 'charles@mail.home.arpa' }, 'name_not_allowed'],
    ['ps-auth', { ...bareProfessional, email: EMAIL }, 'holder_invalid'],
    ['pro-auth', { ...bareEmployee, email: EMAIL }, 'holder_invalid'],
    ['cps-sign', { ...professional, email: EMAIL }, 'holder_invalid'],
  ])('of %s has a mailbox where it is certified, and nowhere else: %#', (profile, holder, code) => {
    expect(found(profile, holder)).toEqual([[code, '/holder/email']]);
  });

  it.each([26, 31, 60, 98, 11])('in training is not of profession %i, which is not in table TRE_G16', (profession) => {
    expect(found('cpf-auth', { ...professional, profession })).toEqual([['holder_invalid', '/holder/profession']]);
  });

  it.each<[string, Partial<Employee>, string, string]>([
    ['a wrong registry number', { registryNumber: 'cpet 2' }, 'identifier_invalid', '/holder/registryNumber'],
    [
      'a wrong structure',
      { structure: { ...employee.structure, structIdNat: '1750712185' } },
      'identifier_invalid',
      '/holder/structure/structIdNat',
    ],
    [
      'an unknown department',
      { structure: { ...employee.structure, department: '' } },
      'holder_invalid',
      '/holder/structure/department',
    ],
    ['a wrong card number', { card: { number: '1/2' } }, 'holder_invalid', '/holder/card/number'],
  ])('that is an employee is refused with %s', (_, change, code, at) => {
    expect(found('cpe-auth', { ...employee, ...change })).toEqual([[code, at]]);
  });

  it.each(["D'ARTAGNAN", 'LE GUÉNNEC', 'JEAN-FRANÇOIS', 'ADELI8751', 'O’NEILL', 'DUPONT JR.'])(
    'may be called %s',
    (familyName) => {
      expect(found('cps-auth', { ...professional, familyName })).toEqual([]);
    },
  );

  it('with a test FINESS number is refused outside a test branch', () => {
    expect(found('cpe-auth', employee, false)).toEqual([['identifier_invalid', '/holder/structure/structIdNat']]);
  });

  it('gets every finding at once, and none repeats what was sent', () => {
    const wrong = {
      ...professional,
      idNatPs: '899700041984',
      familyName: '<DENTISTE>',
      profession: 0,
      card: { number: '42' },
    };
    expect(found('cps-auth', wrong)).toHaveLength(4);
    const text = JSON.stringify(checkHolder(wrong, profileOf('cps-auth'), { test: true }));
    for (const secret of ['89970004198', 'DENTISTE', 'GERALDINE', '"42"']) expect(text).not.toContain(secret);
  });
});
