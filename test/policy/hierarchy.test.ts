import { describe, expect, it } from 'vitest';
import {
  caName,
  caOf,
  certificateUrl,
  chainUrl,
  crlUrl,
  type Hierarchy,
  hierarchyDigest,
  ldapUrl,
} from '../../src/policy/hierarchy.ts';
import { formatName } from '../../src/x509/names.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { policies } from './policies.ts';

const { hierarchy } = policies;
const SUFFIX = 'ou=IGC-SANTE%20TEST,ou=0002%20187512751,o=ASIP-SANTE,c=FR';

describe('the hierarchy', () => {
  it('has nine authorities: three roots, and two intermediates under each', () => {
    expect(hierarchy.authorities.map(({ id, kind, gamme, issuer }) => [id, kind, gamme, issuer])).toEqual([
      ['ACR-FO-TEST', 'root', 'FORT', 'ACR-FO-TEST'],
      ['ACI-FO-ORG-TEST', 'intermediate', 'FORT', 'ACR-FO-TEST'],
      ['ACI-FO-PP-TEST', 'intermediate', 'FORT', 'ACR-FO-TEST'],
      ['ACR-ST-TEST', 'root', 'STANDARD', 'ACR-ST-TEST'],
      ['ACI-ST-ORG-TEST', 'intermediate', 'STANDARD', 'ACR-ST-TEST'],
      ['ACI-ST-PP-TEST', 'intermediate', 'STANDARD', 'ACR-ST-TEST'],
      ['ACR-EL-TEST', 'root', 'ELEMENTAIRE', 'ACR-EL-TEST'],
      ['ACI-EL-ORG-TEST', 'intermediate', 'ELEMENTAIRE', 'ACR-EL-TEST'],
      ['ACI-EL-PP-TEST', 'intermediate', 'ELEMENTAIRE', 'ACR-EL-TEST'],
    ]);
    for (const { key } of hierarchy.authorities) expect(key).toEqual({ type: 'rsa', bits: 4096 });
  });

  it('names its authorities as the TEST branch of IGC-Santé does', () => {
    expect(formatName(caName(hierarchy, caOf(hierarchy, 'ACI-EL-ORG-TEST')))).toBe(
      'CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR',
    );
    const types = caName(hierarchy, caOf(hierarchy, 'ACR-FO-TEST')).map(([attribute]) => attribute?.string);
    expect(types).toEqual(['printable', 'utf8', 'utf8', 'utf8', 'utf8']);
  });

  it('refuses an authority that it has not', () => {
    expect(refusalOf(() => caOf(hierarchy, 'ACI-XX-ORG-TEST')).code).toBe('hierarchy_differs');
  });

  it('publishes lists, certificates and the chain over HTTP', () => {
    expect(crlUrl(hierarchy, 'ACR-EL-TEST')).toBe('http://igc.demo.igc-sante.fr/CRL/ACR-EL-TEST.crl');
    expect(certificateUrl(hierarchy, 'ACI-EL-ORG-TEST')).toBe(
      'http://igc.demo.igc-sante.fr/AC%20TEST/ACI-EL-ORG-TEST.cer',
    );
    expect(chainUrl(hierarchy)).toBe(
      'http://igc.demo.igc-sante.fr/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b',
    );
  });

  it('points to the list of a root in the spelling of the intermediates’ certificates', () => {
    expect(ldapUrl(hierarchy, 'ACR-EL-TEST', 'certificateRevocationList')).toBe(
      'ldap://annuaire.demo.igc-sante.fr/CN=TEST%20AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE,OU=IGC-SANTE%20TEST,OU=0002%20187512751,O=ASIP-SANTE,C=FR?certificaterevocationlist;binary?base?objectclass=pkiCa',
    );
  });

  it('points to the lists of an intermediate in the spelling of end-entity certificates', () => {
    const dn = `cn=TEST%20AC%20IGC-SANTE%20FORT%20PERSONNES,ou=TEST%20AC%20RACINE%20IGC-SANTE%20FORT,${SUFFIX}`;
    expect(ldapUrl(hierarchy, 'ACI-FO-PP-TEST', 'certificateRevocationList')).toBe(
      `ldap://annuaire.demo.igc-sante.fr/${dn}?certificaterevocationlist;binary?base?objectClass=pkiCA`,
    );
    expect(ldapUrl(hierarchy, 'ACI-FO-PP-TEST', 'deltaRevocationList')).toBe(
      `ldap://annuaire.demo.igc-sante.fr/${dn}?deltarevocationlist;binary?base?objectClass=pkiCA`,
    );
  });

  it('escapes what a DN and a URL escape (RFC 4514 §2.4, RFC 4516 §2.1)', () => {
    const odd = renamed('ACI-FO-PP-TEST', 'TEST AC, "É" ? 100 % + #');
    expect(ldapUrl(odd, 'ACI-FO-PP-TEST', 'certificateRevocationList')).toContain(
      '/cn=TEST%20AC%5C,%20%5C%22%C3%89%5C%22%20%3F%20100%20%25%20%5C+%20%23,ou=TEST',
    );
  });
});

const renamed = (id: string, commonName: string): Hierarchy => ({
  ...hierarchy,
  authorities: hierarchy.authorities.map((ca) => (ca.id === id ? { ...ca, commonName } : ca)),
});

describe('the digest of a hierarchy', () => {
  const digest = hierarchyDigest(hierarchy);

  it('is the same for the same hierarchy', () => {
    expect(hierarchyDigest(structuredClone(hierarchy))).toBe(digest);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });

  const [first, ...rest] = hierarchy.authorities;
  if (first === undefined) throw new Error('no authority');
  it.each<[string, Partial<Hierarchy>]>([
    ['its name', { name: 'AUTRE' }],
    ['a URL', { urls: { ...hierarchy.urls, ocsp: 'http://ocsp.exemple.fr' } }],
    ['the name that all authorities share', { baseName: hierarchy.baseName.slice(1) }],
    ['the name of an authority', renamed('ACI-FO-PP-TEST', 'TEST AC')],
    ['a key', { authorities: [{ ...first, key: { type: 'rsa', bits: 2048 } }, ...rest] }],
    ['a path', { authorities: [{ ...first, paths: { ...first.paths, crl: '/CRL/autre.crl' } }, ...rest] }],
    ['the path of the chain', { chainPath: '/autre.p7b' }],
    ['an authority less', { authorities: rest }],
  ])('changes with %s', (_, change) => {
    expect(hierarchyDigest({ ...hierarchy, ...change })).not.toBe(digest);
  });

  it('does not change with titles, the rhythm of lists or the profiles that an authority issues', () => {
    const changed = {
      ...hierarchy,
      title: { fr: 'Autre', en: 'Other' },
      crl: { ...hierarchy.crl, root: { periodHours: 1, validityHours: 2 } },
      authorities: hierarchy.authorities.map((ca) => ({ ...ca, issues: [] })),
    };
    expect(hierarchyDigest(changed)).toBe(digest);
  });
});
