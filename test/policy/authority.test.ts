import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { authorityFields, buildAuthoritySignable } from '../../src/policy/authority.ts';
import { caOf } from '../../src/policy/hierarchy.ts';
import { buildTbsCertificate, parseCertificate } from '../../src/x509/certificate.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { toPem } from '../../src/x509/pem.ts';
import { point, tlv } from '../policies/tlv.ts';
import { CREATED, certificateOf, issuingKey, openssl, rootKey, SERIAL } from './branch.ts';
import { policies } from './policies.ts';

const { hierarchy } = policies;
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const extensionsOf = (der: Uint8Array) =>
  parseCertificate(der).extensions.map(({ oid, critical, value }) => [oid, critical, hex(value)]);
const cps = hex(Buffer.from('http://igc.demo.igc-sante.fr/PC%20TEST'));
// 06 0455 1d20 00 = anyPolicy, 06 08 2b06010505070201 = id-qt-cps, 16 26 = IA5String of 38 octets
const policy = `303e303c0604551d20003034303206082b060105050702011626${cps}`;
const rootId = hex(keyIdentifier(rootKey.spki));

describe('the certificate of a root', () => {
  const der = certificateOf('ACR-EL-TEST');

  it('has the five extensions of the roots of IGC-Santé, in their order', () => {
    expect(extensionsOf(der)).toEqual([
      ['2.5.29.19', true, '30030101ff'],
      ['2.5.29.15', true, '03020106'],
      ['2.5.29.32', false, policy],
      ['2.5.29.14', false, `0414${rootId}`],
      ['2.5.29.35', false, `30168014${rootId}`],
    ]);
  });

  it('is valid for twenty calendar years from its creation', () => {
    const { notBefore, notAfter } = parseCertificate(
      certificateOf('ACR-EL-TEST', new Date('2028-02-29T10:11:12.900Z')),
    );
    expect([notBefore.toISOString(), notAfter.toISOString()]).toEqual([
      '2028-02-29T10:11:12.000Z',
      '2048-02-29T10:11:12.000Z',
    ]);
  });

  it('has its own name for an issuer, byte for byte', () => {
    const { issuer, subject } = parseCertificate(der);
    expect(hex(issuer)).toBe(hex(subject));
  });
});

describe('the certificate of an intermediate', () => {
  const der = certificateOf('ACI-EL-ORG-TEST');

  it('has the six extensions of the intermediates of IGC-Santé, in their order', () => {
    const dn =
      'CN=TEST%20AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE,OU=IGC-SANTE%20TEST,OU=0002%20187512751,O=ASIP-SANTE,C=FR';
    const list = '?certificaterevocationlist;binary?base?objectclass=pkiCa';
    const points = [
      point('http://igc.demo.igc-sante.fr/CRL/ACR-EL-TEST.crl'),
      point(`ldap://annuaire.demo.igc-sante.fr/${dn}${list}`),
    ];
    expect(extensionsOf(der)).toEqual([
      ['2.5.29.19', true, '30060101ff020100'],
      ['2.5.29.15', true, '03020106'],
      ['2.5.29.32', false, policy],
      ['2.5.29.31', false, tlv('30', ...points)],
      ['2.5.29.14', false, `0414${hex(keyIdentifier(issuingKey.spki))}`],
      ['2.5.29.35', false, `30168014${rootId}`],
    ]);
  });

  it('ends one day before its root, whenever it is made', () => {
    const root = parseCertificate(certificateOf('ACR-EL-TEST'));
    const { notAfter } = parseCertificate(der);
    expect(root.notAfter.getTime() - notAfter.getTime()).toBe(86_400_000);
    const later = authorityFields({
      hierarchy,
      authority: caOf(hierarchy, 'ACI-EL-ORG-TEST'),
      spki: issuingKey.spki,
      issuer: root,
      serial: SERIAL,
      now: new Date('2030-05-05T05:05:05Z'),
    });
    expect(later.notBefore.toISOString()).toBe('2030-05-05T05:05:05.000Z');
    expect(later.notAfter.toISOString()).toBe(notAfter.toISOString());
  });
});

describe('an authority', () => {
  const root = parseCertificate(certificateOf('ACR-EL-TEST'));
  const parts = { hierarchy, serial: SERIAL, now: CREATED };

  it('passes its lint with the very bytes of its fields', () => {
    const rootParts = { ...parts, authority: caOf(hierarchy, 'ACR-EL-TEST'), spki: rootKey.spki };
    expect(hex(buildAuthoritySignable(rootParts).tbs)).toBe(hex(buildTbsCertificate(authorityFields(rootParts))));
    const ours = { ...parts, authority: caOf(hierarchy, 'ACI-EL-ORG-TEST'), spki: issuingKey.spki, issuer: root };
    expect(hex(buildAuthoritySignable(ours).tbs)).toBe(hex(buildTbsCertificate(authorityFields(ours))));
  });

  it('that is an intermediate without an issuer, or a root with one, is a bug', () => {
    const [rootCa, intermediate] = [caOf(hierarchy, 'ACR-EL-TEST'), caOf(hierarchy, 'ACI-EL-ORG-TEST')];
    expect(() => authorityFields({ ...parts, authority: intermediate, spki: issuingKey.spki })).toThrow(TypeError);
    expect(() => authorityFields({ ...parts, authority: rootCa, spki: rootKey.spki, issuer: root })).toThrow(TypeError);
  });

  it('verifies under its root by openssl, strictly, all nine of them', () => {
    const directory = mkdtempSync(join(tmpdir(), 'igc-authorities-'));
    try {
      for (const { id, issuer } of hierarchy.authorities) {
        for (const one of new Set([id, issuer])) {
          writeFileSync(join(directory, `${one}.pem`), toPem('CERTIFICATE', certificateOf(one)));
        }
        const [root, own] = [join(directory, `${issuer}.pem`), join(directory, `${id}.pem`)];
        const answer = openssl(['verify', '-x509_strict', '-no_check_time', '-CAfile', root, own]).toString();
        expect(answer).toBe(`${own}: OK\n`);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
