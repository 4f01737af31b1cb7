import { describe, expect, it } from 'vitest';
import { cutText, fill, placeholdersOf } from '../../src/policy/subject.ts';

describe('the name of an organisation', () => {
  it('is cut at 40 characters', () => {
    expect(cutText("AGENCE DES SYSTEMES D'INFORMATION PARTAGES DE SANTE", 40)).toBe(
      "AGENCE DES SYSTEMES D'INFORMATION PARTAG",
    );
  });

  it('of 40 characters or fewer is left as it is', () => {
    expect(cutText('AGENCE DU NUMERIQUE EN SANTE', 40)).toBe('AGENCE DU NUMERIQUE EN SANTE');
    expect(cutText('A'.repeat(40), 40)).toBe('A'.repeat(40));
  });

  it('never ends with a space', () => {
    expect(cutText('CENTRE HOSPITALIER UNIVERSITAIRE REGION  DU SUD', 40)).toBe(
      'CENTRE HOSPITALIER UNIVERSITAIRE REGION',
    );
    expect(cutText('CLINIQUE ', 40)).toBe('CLINIQUE');
  });

  it('is counted in characters, not in code units', () => {
    expect(cutText('𝒜'.repeat(41), 40)).toBe('𝒜'.repeat(40));
  });

  it('keeps a letter and its combining marks together', () => {
    expect(cutText('ABC\u0323\u0331D', 4)).toBe('AB');
    expect(cutText('ABC\u0323D', 4)).toBe('ABC\u0323');
  });

  it('of combining marks alone is cut all the same', () => {
    expect(cutText('\u0323'.repeat(5), 4)).toBe('\u0323'.repeat(4));
  });
});

describe('a template', () => {
  it('is text with values in it', () => {
    expect(placeholdersOf('{idNatPs}@carte-cps.fr')).toEqual(['idNatPs']);
    expect(fill('OCSP {name}, {name}', new Map([['name', 'X']]))).toBe('OCSP X, X');
  });

  it('takes a value as it stands: what looks like a placeholder in it is not replaced', () => {
    const values = new Map([
      ['a', '{b} $& $1'],
      ['b', 'secret'],
    ]);
    expect(fill('{a}', values)).toBe('{b} $& $1');
  });

  it('with nothing to put in it is a bug', () => {
    expect(() => fill('{name}', new Map())).toThrow(TypeError);
    expect(() => fill('{name}', new Map([['name', '']]))).toThrow(TypeError);
  });
});
