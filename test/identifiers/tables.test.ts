import { describe, expect, it } from 'vitest';
import { DEPARTMENTS } from '../../src/identifiers/departments.ts';
import { PROFESSIONS } from '../../src/identifiers/professions.ts';

describe('the table of departments', () => {
  it.each([
    ['75', 'Paris (75)'],
    ['21', "Côte-d'Or (21)"],
    ['2A', 'Corse-du-Sud (2A)'],
    ['95', "Val d'Oise (95)"],
    ['974', 'Réunion (974)'],
    ['98000', 'Monaco (98000)'],
    ['99138', 'Monaco (99138)'],
    ['985', 'Mayotte (985 - Ancien Code)'],
  ])('has %s as %s', (code, label) => {
    expect(DEPARTMENTS.get(code)).toBe(label);
  });

  it('has 112 rows, all in normalisation form C and none longer than a stateOrProvinceName may be', () => {
    expect(DEPARTMENTS.size).toBe(112);
    for (const label of DEPARTMENTS.values()) {
      expect(label).toBe(label.normalize('NFC').trim());
      expect(label.length).toBeLessThanOrEqual(128);
    }
  });

  it('has all departments of the mainland and no 20, which became 2A and 2B', () => {
    const mainland = Array.from({ length: 95 }, (_, index) => String(index + 1).padStart(2, '0'));
    expect(mainland.filter((code) => !DEPARTMENTS.has(code))).toEqual(['20']);
  });
});

describe('the table of professions', () => {
  it.each([
    [10, 'Médecin'],
    [40, 'Chirurgien-Dentiste'],
    [50, 'Sage-Femme'],
    [60, 'Infirmier'],
    [98, 'Manipulateur ERM'],
  ])('has %i as %s', (code, label) => {
    expect(PROFESSIONS.get(code)).toBe(label);
  });

  it('has 29 rows, none longer than a title may be', () => {
    expect(PROFESSIONS.size).toBe(29);
    for (const label of PROFESSIONS.values()) expect(label.length).toBeLessThanOrEqual(64);
  });
});
