import { describe, expect, it } from 'vitest';
import {
  boolean,
  element,
  integer,
  NULL,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { admit, alternativeNames, buildCsr, csrAttribute, dns, extension, extensionRequest } from '../helpers/csr.ts';
import { refusalOf } from '../helpers/refusal.ts';

const asking = (...extensions: readonly Uint8Array[]): Uint8Array =>
  buildCsr({ attributes: [extensionRequest(...extensions)] });
const ca = extension(OID.basicConstraints, sequence(boolean(true)), true);
const usage = (...bits: readonly number[]): Uint8Array => extension(OID.keyUsage, namedBits(bits), true);
const purposes = (...oids: readonly string[]): Uint8Array =>
  extension(OID.extKeyUsage, sequence(...oids.map(objectIdentifier)));

describe('row 9: what no request may ask for is csr_extension_not_allowed:', () => {
  it.each<[string, Uint8Array, string[]]>([
    ['CA:TRUE', asking(ca), ['cA TRUE is asked for']],
    [
      'CA:TRUE, not critical',
      asking(extension(OID.basicConstraints, sequence(boolean(true)))),
      ['cA TRUE is asked for'],
    ],
    [
      'CA:TRUE with a path length',
      asking(extension(OID.basicConstraints, sequence(boolean(true), integer(0)))),
      ['cA TRUE is asked for'],
    ],
    ['keyCertSign', asking(usage(0, 5)), ['keyCertSign is asked for']],
    ['cRLSign', asking(usage(6)), ['cRLSign is asked for']],
    ['OCSPSigning', asking(purposes(OID.serverAuth, OID.OCSPSigning)), ['OCSPSigning is asked for']],
    [
      'an unknown critical extension',
      asking(extension('1.2.3.4', NULL, true)),
      ['a critical extension that is not known here'],
    ],
    [
      'critical name constraints',
      asking(extension(OID.nameConstraints, sequence(), true)),
      ['a critical extension that is not known here'],
    ],
    [
      'a critical certificate policy',
      asking(extension(OID.certificatePolicies, sequence(), true)),
      ['a critical extension that is not known here'],
    ],
    ['a duplicate extension', asking(dns('a.fr'), dns('a.fr')), ['an extension stands twice']],
    ['a duplicate extension with another value', asking(dns('a.fr'), dns('b.fr')), ['an extension stands twice']],
    [
      'a duplicate unknown extension',
      asking(extension('1.2.3', NULL), extension('1.2.3', NULL)),
      ['an extension stands twice'],
    ],
    [
      'two extensionRequests',
      buildCsr({ attributes: [extensionRequest(dns('a.fr')), extensionRequest(usage(0))] }),
      ['there is more than one list of extensions'],
    ],
    [
      'the same extensionRequest twice',
      buildCsr({ attributes: [extensionRequest(usage(0)), extensionRequest(usage(0))] }),
      ['there is more than one list of extensions', 'an extension stands twice'],
    ],
    [
      'an extensionRequest of two values',
      buildCsr({ attributes: [csrAttribute(OID.extensionRequest, sequence(dns('a.fr')), sequence(usage(0)))] }),
      ['there is more than one list of extensions'],
    ],
    [
      'a second list in the attribute of Windows',
      buildCsr({
        attributes: [extensionRequest(dns('a.fr')), csrAttribute(OID.msExtensionRequest, sequence(usage(0)))],
      }),
      ['there is more than one list of extensions'],
    ],
    [
      'CA:TRUE in the attribute of Windows',
      buildCsr({ attributes: [csrAttribute(OID.msExtensionRequest, sequence(ca))] }),
      ['cA TRUE is asked for'],
    ],
    [
      'CA:TRUE in a second list',
      buildCsr({ attributes: [extensionRequest(dns('a.fr')), extensionRequest(ca)] }),
      ['there is more than one list of extensions', 'cA TRUE is asked for'],
    ],
  ])('%s', (_name, der, details) => {
    const refusal = refusalOf(() => admit(der));
    expect(refusal.code).toBe('csr_extension_not_allowed');
    expect(refusal.findings.map((finding) => finding.detail)).toEqual(details);
    for (const { at, remedy, rule } of refusal.findings) {
      expect(at).toMatch(/^certificationRequestInfo\.attributes.* @ \d+$/);
      expect(remedy).toBeDefined();
      expect(rule).toMatch(/^RFC /);
    }
  });

  it('every one of them at once, and hostile names as well', () => {
    const request = asking(ca, usage(5, 6), extension('1.2.3', NULL, true), dns('a\u0000.fr'));
    const refusal = refusalOf(() => admit(request));
    expect(refusal.code).toBe('csr_extension_not_allowed');
    expect(refusal.findings.map((finding) => finding.detail)).toEqual([
      'cA TRUE is asked for',
      'keyCertSign is asked for',
      'cRLSign is asked for',
      'a critical extension that is not known here',
      'a NUL character: U+0000 as character 2',
    ]);
  });
});

it('a request with hundreds of faults is told fifty of them and the number of the rest', () => {
  const many = Array.from({ length: 300 }, (_, index) => extension(`1.2.3.${index}`, NULL, true));
  const { findings } = refusalOf(() => admit(asking(...many)));
  expect(findings).toHaveLength(51);
  expect(findings[50]?.detail).toBe('and 250 more findings');
});

describe('what tools ask for by default is no fault:', () => {
  it.each<[string, Uint8Array[]]>([
    ['CA:FALSE', [extension(OID.basicConstraints, sequence())]],
    ['critical CA:FALSE', [extension(OID.basicConstraints, sequence(), true)]],
    ['the usages of an end entity', [usage(0, 1, 2, 3, 4, 7, 8)]],
    ['purposes of every kind', [purposes(OID.serverAuth, OID.clientAuth, OID.anyExtendedKeyUsage, '1.2.3')]],
    ['a subject key identifier', [extension(OID.subjectKeyIdentifier, octetString(new Uint8Array(20)))]],
    [
      'an unknown extension that is not critical',
      [extension('1.3.6.1.4.1.311.20.2', element(0x1e, Uint8Array.of(0, 65)))],
    ],
    ['an unknown extension whose value is not DER', [extension('2.16.840.1.113730.1.13', Buffer.from('free text'))]],
    ['a critical subjectAltName', [extension(OID.subjectAltName, sequence(element(0x82, Buffer.from('a.fr'))), true)]],
  ])('%s', (_name, extensions) => {
    expect(admit(asking(...extensions)).extensions).toHaveLength(1);
  });
});

describe('alternative names', () => {
  it('are DNS names, mailboxes, and the kinds of all others, for the policy to refuse', () => {
    const csr = admit(
      asking(
        alternativeNames(
          [0x82, 'a.example.fr'],
          [0x81, 'a@example.fr'],
          [0x87, Uint8Array.of(10, 0, 0, 1)],
          [0x86, 'https://a.example.fr/'],
          [0x88, Uint8Array.of(0x2a, 3)],
          [0xa4, sequence()],
          [
            0xa0,
            Buffer.concat([objectIdentifier(OID.userPrincipalName), element(0xa0, element(0x0c, Buffer.from('x')))]),
          ],
          [0x82, 'b.example.fr'],
        ),
      ),
    );
    expect(csr.dnsNames).toEqual(['a.example.fr', 'b.example.fr']);
    expect(csr.emailAddresses).toEqual(['a@example.fr']);
    expect(csr.otherNames).toEqual([
      'iPAddress',
      'uniformResourceIdentifier',
      'registeredID',
      'directoryName',
      'otherName',
    ]);
  });

  it.each<[string, readonly [number, string], string]>([
    ['NUL in a dNSName', [0x82, 'a.fr\0.evil.example'], 'a NUL character: U+0000 as character 5'],
    ['a line feed in a dNSName', [0x82, 'a.fr\n'], 'a control character: U+000A as character 5'],
    ['Latin-1 in a dNSName', [0x82, 'h\u00f4pital.fr'], 'a character outside ASCII'],
    ['254 characters in a dNSName', [0x82, 'a'.repeat(254)], 'more than 253 characters'],
    ['NUL in a mail address', [0x81, 'a@b.fr\0'], 'a NUL character: U+0000 as character 7'],
    ['an escape in a URI', [0x86, 'http://\u001b[31m'], 'a control character: U+001B as character 8'],
  ])('row 10: %s is name_not_allowed', (_name, name, detail) => {
    const refusal = refusalOf(() => admit(asking(alternativeNames([0x82, 'a.fr'], name))));
    expect(refusal.code).toBe('name_not_allowed');
    expect(refusal.findings.map((finding) => finding.detail)).toEqual([detail]);
    expect(refusal.findings[0]?.at).toContain(`${OID.subjectAltName} @`);
  });
});
