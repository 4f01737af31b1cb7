import { describe, expect, it } from 'vitest';
import { checkDomainName, lowerCase } from '../../src/policy/domain-names.ts';
import { profileOf } from './policies.ts';

const SUFFIXES = profileOf('serv-ssl').names?.internalSuffixes ?? [];
const findings = (name: string) => checkDomainName(name, '/names/dnsNames/0', SUFFIXES);
const details = (name: string) => findings(name).map(({ detail }) => detail);

const label63 = 'a'.repeat(63);
const name253 = `${label63}.${label63}.${label63}.${'b'.repeat(58)}.fr`;

describe('a DNS name', () => {
  it.each([
    'api.demo.igc-sante.fr',
    'exemple.fr',
    '1.exemple.fr',
    'a-b--c.exemple.fr',
    'xn--hpital-ixa.exemple.fr',
    'xn--hpital-ixa.xn--p1ai',
    'internal.exemple.fr',
    'mylocal.fr',
    `${label63}.fr`,
    name253,
  ])('may be %s', (name) => {
    expect(details(name)).toEqual([]);
  });

  it.each([
    ['a wildcard', '*.exemple.fr', 'a wildcard: every host is named'],
    ['a wildcard inside a label', 'w*.exemple.fr', 'a wildcard: every host is named'],
    ['a trailing dot', 'exemple.fr.', 'the name ends with a dot'],
    ['an underscore', 'mon_serveur.exemple.fr', 'an underscore is no character of a host name'],
    ['a U-label', 'hôpital.exemple.fr', 'a character outside ASCII, or a space'],
    ['a space', 'mon serveur.exemple.fr', 'a character outside ASCII, or a space'],
    ['a NUL', 'exemple.fr\0.pirate.fr', 'a character outside ASCII, or a space'],
    ['a slash', 'exemple.fr/admin', 'a host name has letters, digits, hyphens and dots only'],
    ['an e-mail address', 'nom@exemple.fr', 'a host name has letters, digits, hyphens and dots only'],
    ['a quote', "x'--.exemple.fr", 'a host name has letters, digits, hyphens and dots only'],
    [
      'capital letters, which are folded before',
      'Exemple.fr',
      'a host name has letters, digits, hyphens and dots only',
    ],
    ['an IPv4 address', '192.0.2.1', 'an IP address is no DNS name'],
    ['an IPv4 address in one number', '3221225985', 'an IP address is no DNS name'],
    ['an IPv4 address in hexadecimal', '192.0.2.0x1', 'an IP address is no DNS name'],
    ['a last label that is a number', 'exemple.1', 'an IP address is no DNS name'],
    ['an IPv6 address', '2001:db8::1', 'an IP address is no DNS name'],
    ['a host with its port', 'exemple.fr:8443', 'an IP address is no DNS name'],
    ['a bare label', 'serveur', 'a bare label is not fully qualified'],
    ['nothing', '', 'a bare label is not fully qualified'],
    ['an empty label', 'a..exemple.fr', 'a label is empty'],
    ['a dot at the beginning', '.exemple.fr', 'a label is empty'],
    ['a label of 64 characters', `${'a'.repeat(64)}.fr`, 'a label has more than 63 characters'],
    ['254 characters', `${name253}b`, 'the name has more than 253 characters'],
    ['a hyphen at the beginning of a label', '-a.exemple.fr', 'a label begins or ends with a hyphen'],
    ['a hyphen at the end of a label', 'a-.exemple.fr', 'a label begins or ends with a hyphen'],
    [
      'an A-label that decodes to nothing',
      'xn--a.exemple.fr',
      'hyphens in third and fourth place of a label that is no valid A-label',
    ],
    [
      'an A-label of an ASCII word',
      'xn--exemple-.fr',
      'hyphens in third and fourth place of a label that is no valid A-label',
    ],
    [
      'a reserved LDH label',
      'ab--cd.exemple.fr',
      'hyphens in third and fourth place of a label that is no valid A-label',
    ],
  ])('is not %s', (_, name, detail) => {
    expect(details(name)).toContain(detail);
  });

  it.each(SUFFIXES)('is not under %s', (suffix) => {
    expect(details(`serveur.${suffix}`)).toEqual(['a name of private networks']);
  });

  it('is not an internal suffix itself, nor one with a trailing dot', () => {
    expect(details('home.arpa')).toEqual(['a name of private networks']);
    expect(details('serveur.local.')).toEqual(['the name ends with a dot', 'a name of private networks']);
  });

  it.each(['dpi.hopital', 'srv.chu', 'x.intra', 'a.b.c.d.zzzz', 'serveur.xn--hpital-ixa'])(
    'is not %s, under a last label that IANA does not know',
    (name) => {
      expect(details(name)).toEqual(['the last label is no top-level domain of the public DNS']);
    },
  );

  it('is not in the reverse tree', () => {
    expect(details('10.in-addr.arpa')).toEqual(['a name of private networks']);
  });

  it('gets the A-label as the remedy for a U-label', () => {
    expect(findings('hôpital.exemple.fr')).toEqual([
      {
        rule: 'RFC 5890 §2.3.2.1 IDNA-valid strings, A-label, and U-label',
        at: '/names/dnsNames/0',
        detail: 'a character outside ASCII, or a space',
        remedy: 'write xn--hpital-ixa.exemple.fr',
      },
    ]);
  });

  it('gets no remedy where there is no A-label', () => {
    expect(findings('mon serveur.exemple.fr')[0]).not.toHaveProperty('remedy');
  });

  it('gets every finding at once', () => {
    expect(details('*._a-.local')).toEqual([
      'a wildcard: every host is named',
      'an underscore is no character of a host name',
      'a label begins or ends with a hyphen',
      'a name of private networks',
    ]);
  });

  it('beyond its length is not looked into', () => {
    expect(details('*_'.repeat(100_000))).toEqual(['the name has more than 253 characters']);
  });

  it('is folded by its ASCII letters alone, so that no other character becomes one', () => {
    expect(lowerCase('API.Exemple.FR')).toBe('api.exemple.fr');
    expect(lowerCase('\u212Aelvin.fr')).toBe('\u212Aelvin.fr');
  });
});
