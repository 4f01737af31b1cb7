import { expect, it } from 'vitest';
import { searchableName } from '../../src/store/directory.ts';
import { foldName, soughtNameOf } from '../../src/store/sought-name.ts';
import { OID } from '../../src/x509/oids.ts';

it.each([
  ['MARTÍN', 'martin'],
  ["D'Aboville  Éloïse", 'd aboville eloise'],
  ['d’aboville', 'd aboville'],
  ['Jean-Paul', 'jean paul'],
  [' www.exemple.fr ', 'www.exemple.fr'],
  ['a'.repeat(500), 'a'.repeat(160)],
])('%s is sought as %s', (text, folded) => {
  expect(foldName(text)).toBe(folded);
});

const attribute = (type: string, value: string) => ({ type, value, string: 'utf8' as const });

it('a person is sought by surname and given name, not by the number that is the CN', () => {
  const subject = [
    [attribute(OID.surname, 'DURAND'), attribute(OID.givenName, 'Anne'), attribute(OID.commonName, '899700075064')],
  ];
  expect(soughtNameOf(subject, { commonName: '899700075064' })).toBe('durand anne');
  expect(soughtNameOf([], { commonName: 'www.exemple.fr' })).toBe('www.exemple.fr');
  expect(soughtNameOf([], {})).toBe('');
});

it('what is shorter than three characters once it is folded is not searched for', () => {
  expect([searchableName('É--'), searchableName('ab'), searchableName('Élo')]).toEqual([undefined, undefined, 'elo']);
});
