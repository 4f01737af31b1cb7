import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedHierarchy, type TestHierarchy } from '../helpers/hierarchy.ts';
import { judge } from '../x509/judges.ts';

// Written by hand from the authorities of ANS's TEST branch; only the host names are ours.
const BASE = 'C=FR, O=ASIP-SANTE, OU=0002 187512751, OU=IGC-SANTE TEST';
const ROOTS = [
  ['ACR-FO-TEST', 'TEST AC RACINE IGC-SANTE FORT'],
  ['ACR-ST-TEST', 'TEST AC RACINE IGC-SANTE STANDARD'],
  ['ACR-EL-TEST', 'TEST AC RACINE IGC-SANTE ELEMENTAIRE'],
] as const;
const INTERMEDIATES = [
  ['ACI-FO-ORG-TEST', 'TEST AC IGC-SANTE FORT ORGANISATIONS', 'ACR-FO-TEST', 'FORT'],
  ['ACI-FO-PP-TEST', 'TEST AC IGC-SANTE FORT PERSONNES', 'ACR-FO-TEST', 'FORT'],
  ['ACI-ST-ORG-TEST', 'TEST AC IGC-SANTE STANDARD ORGANISATIONS', 'ACR-ST-TEST', 'STANDARD'],
  ['ACI-ST-PP-TEST', 'TEST AC IGC-SANTE STANDARD PERSONNES', 'ACR-ST-TEST', 'STANDARD'],
  ['ACI-EL-ORG-TEST', 'TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS', 'ACR-EL-TEST', 'ELEMENTAIRE'],
  ['ACI-EL-PP-TEST', 'TEST AC IGC-SANTE ELEMENTAIRE PERSONNES', 'ACR-EL-TEST', 'ELEMENTAIRE'],
] as const;
const ALL = [...ROOTS.map(([id]) => id), ...INTERMEDIATES.map(([id]) => id)];
const DAY = 86_400_000;

let hierarchy: TestHierarchy;
const der = (id: string): Buffer => readFileSync(join(hierarchy.directory, `${id}.cer`));
const pem = (id: string): string => new X509Certificate(der(id)).toString();

// Nine RSA-4096 keys, when no earlier run of this checkout has made them.
beforeAll(async () => {
  hierarchy = await sharedHierarchy();
}, 300_000);

/** openssl's words for a certificate, from the extensions on, one trimmed line each. */
function extensionLines(id: string): string[] {
  const text = judge('openssl', { 'ca.cer': der(id) }, ...'x509 -inform DER -in ca.cer -noout -text'.split(' '));
  const begin = text.indexOf('X509v3 extensions:');
  return text
    .slice(begin, text.indexOf('    Signature Algorithm:', begin))
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

/** SHA-1 of the key inside its BIT STRING, as openssl prints identifiers: RFC 5280 §4.2.1.2 method 1, found without our code. */
function keyIdentifier(id: string): string {
  const key = new X509Certificate(der(id)).publicKey.export({ type: 'pkcs1', format: 'der' });
  return (createHash('sha1').update(key).digest('hex').toUpperCase().match(/../g) ?? []).join(':');
}

describe('authorities', () => {
  test.each(ROOTS)('%s is a root with the extensions of IGC-Santé’s roots, in their order', (id) => {
    expect(extensionLines(id)).toEqual([
      'X509v3 Basic Constraints: critical',
      'CA:TRUE',
      'X509v3 Key Usage: critical',
      'Certificate Sign, CRL Sign',
      'X509v3 Certificate Policies:',
      'Policy: X509v3 Any Policy',
      'CPS: http://igc.demo.igc-sante.fr/PC%20TEST',
      'X509v3 Subject Key Identifier:',
      keyIdentifier(id),
      'X509v3 Authority Key Identifier:',
      keyIdentifier(id),
    ]);
  });

  test.each(INTERMEDIATES)(
    '%s has the extensions of IGC-Santé’s intermediates, in their order',
    (id, _, root, gamme) => {
      expect(extensionLines(id)).toEqual([
        'X509v3 Basic Constraints: critical',
        'CA:TRUE, pathlen:0',
        'X509v3 Key Usage: critical',
        'Certificate Sign, CRL Sign',
        'X509v3 Certificate Policies:',
        'Policy: X509v3 Any Policy',
        'CPS: http://igc.demo.igc-sante.fr/PC%20TEST',
        'X509v3 CRL Distribution Points:',
        'Full Name:',
        `URI:http://igc.demo.igc-sante.fr/CRL/${root}.crl`,
        'Full Name:',
        `URI:ldap://annuaire.demo.igc-sante.fr/CN=TEST%20AC%20RACINE%20IGC-SANTE%20${gamme},OU=IGC-SANTE%20TEST,OU=0002%20187512751,O=ASIP-SANTE,C=FR?certificaterevocationlist;binary?base?objectclass=pkiCa`,
        'X509v3 Subject Key Identifier:',
        keyIdentifier(id),
        'X509v3 Authority Key Identifier:',
        keyIdentifier(root),
      ]);
    },
  );

  test.each([
    ...ROOTS.map(([id, name]) => [id, name, name] as const),
    ...INTERMEDIATES.map(([id, name, root]) => [id, name, rootName(root)] as const),
  ])('%s has the name %s, below the name of its root', (id, name, issuer) => {
    const options = ['-nameopt', 'oneline,utf8,-space_eq'];
    const names = judge(
      'openssl',
      { 'ca.cer': der(id) },
      'x509',
      '-inform',
      'DER',
      '-in',
      'ca.cer',
      '-noout',
      '-subject',
      '-issuer',
      ...options,
    );
    expect(names).toBe(`subject=${BASE}, CN=${name}\nissuer=${BASE}, CN=${issuer}\n`);
  });

  test.each(ALL)('%s: country as PrintableString, every other attribute as UTF8String', (id) => {
    const parsed = judge('openssl', { 'ca.cer': der(id) }, 'asn1parse', '-inform', 'DER', '-in', 'ca.cer');
    const types = [
      ...parsed.matchAll(/OBJECT +:(countryName|organizationName|organizationalUnitName|commonName)\n.*prim: (\w+)/g),
    ];
    const one = [
      'countryName PRINTABLESTRING',
      'organizationName UTF8STRING',
      'organizationalUnitName UTF8STRING',
      'organizationalUnitName UTF8STRING',
      'commonName UTF8STRING',
    ];
    expect(types.map(([, attribute, type]) => `${attribute} ${type}`)).toEqual([...one, ...one]);
  });

  test.each(ALL)('%s: RSA-4096 with exponent 65537, sha256WithRSAEncryption, a positive serial of 16 octets', (id) => {
    const text = judge('openssl', { 'ca.cer': der(id) }, ...'x509 -inform DER -in ca.cer -noout -text'.split(' '));
    expect(text).toContain('Public-Key: (4096 bit)');
    expect(text).toContain('Exponent: 65537 (0x10001)');
    expect([...text.matchAll(/Signature Algorithm: (\w+)/g)].map(([, name]) => name)).toEqual([
      'sha256WithRSAEncryption',
      'sha256WithRSAEncryption',
    ]);
    expect(new X509Certificate(der(id)).serialNumber).toMatch(/^[0-7][0-9A-F]{31}$/);
  });

  test('roots live twenty calendar years, intermediates end one day before their root', () => {
    for (const [id] of ROOTS) {
      const { validFromDate: from, validToDate: to } = new X509Certificate(der(id));
      expect(to.toISOString()).toBe(from.toISOString().replace(/^\d{4}/, String(from.getUTCFullYear() + 20)));
    }
    for (const [id, , root] of INTERMEDIATES) {
      const end = new X509Certificate(der(root)).validToDate.getTime();
      expect(end - new X509Certificate(der(id)).validToDate.getTime()).toBe(DAY);
    }
  });

  test.each(INTERMEDIATES)('openssl verifies %s strictly up to its root', (id, _, root) => {
    const files = { 'ca.pem': pem(id), 'root.pem': pem(root) };
    expect(judge('openssl', files, 'verify', '-x509_strict', '-CAfile', 'root.pem', 'ca.pem')).toBe('ca.pem: OK\n');
  });

  test('no two serials and no two keys are alike', () => {
    const certificates = ALL.map((id) => new X509Certificate(der(id)));
    expect(new Set(certificates.map(({ serialNumber }) => serialNumber)).size).toBe(9);
    expect(new Set(ALL.map(keyIdentifier)).size).toBe(9);
  });
});

function rootName(id: string): string {
  return ROOTS.find(([root]) => root === id)?.[1] ?? '';
}
