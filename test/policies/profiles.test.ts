import { createHash, createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import type { Holder } from '../../src/policy/holder.ts';
import { buildSignable, type IssuancePlan } from '../../src/policy/plan.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { toPem } from '../../src/x509/pem.ts';
import { refusalOf } from '../helpers/refusal.ts';
import {
  certificateOf,
  ecPair,
  issuingCa,
  issuingKey,
  type KeyPair,
  NOW,
  openssl,
  rsaPair,
  SERIAL,
  signed,
} from '../policy/branch.ts';
import { policies, profileOf } from '../policy/policies.ts';
import { AKI, type Expectation, SKI } from './expectation.ts';
import { CARDS } from './expectations-cards.ts';
import { PERSONS } from './expectations-persons.ts';
import { STRUCTURES } from './expectations-structures.ts';
import { hex, tlv } from './tlv.ts';

const EXPECTATIONS = [...STRUCTURES, ...PERSONS, ...CARDS];

const rsa = rsaPair();
const ec = ecPair('P-256');

function certify({ profile, issuer, holder, names = {} }: Expectation, { spki }: KeyPair = rsa) {
  const ca = issuingCa(issuer);
  const context = { profile: profileOf(profile), hierarchy: policies.hierarchy, issuer: ca, serial: SERIAL, now: NOW };
  const plan = decide({ spki, holder: holder as Holder, names }, context);
  const signable = buildSignable(plan, ca.certificate, policies);
  expect(Buffer.from(signable.tbs).toString('hex')).toBe(Buffer.from(plan.tbs).toString('hex'));
  return { plan, der: signed(plan.fields, issuingKey) };
}

/** RFC 5280 method 1 by way of a JWK: SHA-1 of the RSAPublicKey, whose DER is made anew here. */
function identifierOf(spki: Uint8Array): string {
  const jwk = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({ format: 'jwk' });
  const [n, e] = [jwk.n, jwk.e].map((part = '') => Buffer.from(part, 'base64url').toString('hex'));
  return createHash('sha1')
    .update(Buffer.from(tlv('30', tlv('02', `00${n}`), tlv('02', String(e))), 'hex'))
    .digest('hex');
}

const objectIdentifiers: Record<string, string> = {
  '2.5.4.3': '550403',
  '2.5.4.4': '550404',
  '2.5.4.6': '550406',
  '2.5.4.8': '550408',
  '2.5.4.10': '55040a',
  '2.5.4.11': '55040b',
  '2.5.4.12': '55040c',
  '2.5.4.42': '55042a',
};

const subjectDer = (subject: Expectation['subject']): string =>
  tlv(
    '30',
    ...subject.map((rdn) =>
      tlv(
        '31',
        ...rdn.map(([type, string, value]) =>
          tlv('30', tlv('06', objectIdentifiers[type] ?? ''), tlv(string, hex(value))),
        ),
      ),
    ),
  );

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'igc-profiles-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.each(EXPECTATIONS.map((expectation) => [expectation.profile, expectation] as const))(
  'a certificate of %s',
  (_, expectation) => {
    let plan: IssuancePlan;
    let der: Uint8Array;
    let certificate: Certificate;
    beforeAll(() => {
      ({ plan, der } = certify(expectation));
      certificate = parseCertificate(der);
    });

    it('has the extensions, criticality and values of the table, in its order', () => {
      const found = certificate.extensions.map(({ oid, critical, value }) => [
        oid,
        critical,
        Buffer.from(value).toString('hex'),
      ]);
      const identifiers: Record<string, string> = {
        [SKI]: tlv('04', identifierOf(rsa.spki)),
        [AKI]: tlv('30', tlv('80', identifierOf(issuingKey.spki))),
      };
      expect(found).toEqual(
        expectation.extensions.map(([oid, critical, value]) => [oid, critical, identifiers[value] ?? value]),
      );
    });

    it('has the subject of the table, string types and order included', () => {
      expect(Buffer.from(certificate.subject).toString('hex')).toBe(subjectDer(expectation.subject));
    });

    it('has the serial, validity and issuer that were decided', () => {
      expect(Buffer.from(certificate.serial).toString('hex')).toBe('1d5de25e3dc14bde5190ed764e028e1f');
      expect(certificate.notBefore.toISOString()).toBe(expectation.notBefore);
      expect(certificate.notAfter.toISOString()).toBe(expectation.notAfter);
      const issuer = parseCertificate(certificateOf(expectation.issuer));
      expect(Buffer.from(certificate.issuer).toString('hex')).toBe(Buffer.from(issuer.subject).toString('hex'));
      expect(plan.issuer).toBe(expectation.issuer);
      expect(plan.profileDigest).toBe(profileOf(expectation.profile).digest);
    });

    it('reads the same by openssl', () => {
      const text = openssl(['x509', '-inform', 'DER', '-noout', '-text'], der).toString();
      const lineUnder = (title: string): string | undefined =>
        text
          .split('\n')
          .find((_, index, lines) => lines[index - 1]?.includes(title))
          ?.trim();
      expect(lineUnder('X509v3 Key Usage: critical')).toBe(expectation.openssl.keyUsage);
      expect(lineUnder('X509v3 Extended Key Usage:')).toBe(expectation.openssl.purposes);
      expect(lineUnder('X509v3 Basic Constraints:')).toBe('CA:FALSE');
      expect(lineUnder('X509v3 Subject Alternative Name:')?.replace(/^othername: ?/, '')).toBe(
        expectation.openssl.alternativeNames,
      );
      expect(text).toContain('Signature Algorithm: sha256WithRSAEncryption');
      const values = expectation.subject.flat().map(([, , value]) => value);
      const subject = openssl(
        ['x509', '-inform', 'DER', '-noout', '-subject', '-nameopt', 'utf8,sep_multiline,lname'],
        der,
      );
      const lines = subject
        .toString()
        .split('\n')
        .slice(1)
        .flatMap((line) => line.trim().split(' + '))
        .filter((line) => line !== '');
      expect(lines.map((line) => line.replace(/^[A-Za-z]+=/, ''))).toEqual(values);
    });

    it('verifies under its hierarchy by openssl, strictly', () => {
      const file = (name: string, content: Uint8Array): string => {
        const path = join(directory, `${expectation.profile}-${name}.pem`);
        writeFileSync(path, toPem('CERTIFICATE', content));
        return path;
      };
      const root = file('root', certificateOf(`${expectation.issuer.replace('ACI', 'ACR').replace(/-(ORG|PP)/, '')}`));
      const issuer = file('issuer', certificateOf(expectation.issuer));
      const own = file('own', der);
      const time = String(Math.floor(NOW.getTime() / 1000) + 60);
      const args = ['verify', '-x509_strict', '-attime', time, '-CAfile', root, '-untrusted', issuer];
      expect(openssl([...args, own]).toString()).toBe(`${own}: OK\n`);
      if (expectation.profile === 'serv-ssl') {
        const host = ['-purpose', 'sslserver', '-verify_hostname', 'b.demo.igc-sante.fr'];
        expect(openssl([...args, ...host, own]).toString()).toBe(`${own}: OK\n`);
      }
    });
  },
);

describe('a certificate with an EC key', () => {
  const WITH_EC: [profile: string, bits: string][] = [
    ['serv-ssl', '03020780'],
    ['org-auth-cli', '03020780'],
    ['org-sign', '030206c0'],
    ['pro-auth', '03020780'],
    ['pro-sign', '03020640'],
    ['ps-auth', '03020780'],
    ['ps-sign', '03020640'],
  ];

  it.each(WITH_EC)('of %s has no usage that needs an RSA key', (profile, bits) => {
    const expectation = EXPECTATIONS.find((one) => one.profile === profile);
    if (expectation === undefined) throw new Error(`no expectation for ${profile}`);
    const { der, plan } = certify(expectation, ec);
    const usage = parseCertificate(der).extensions.find(({ oid }) => oid === '2.5.29.15');
    expect(Buffer.from(usage?.value ?? []).toString('hex')).toBe(bits);
    expect(plan.key).toEqual({ type: 'ec', curve: 'P-256' });
  });

  it('is made under these profiles and no other', () => {
    const allowed = [...policies.profiles.values()].filter(({ keys }) => keys.ec !== undefined).map(({ name }) => name);
    expect(allowed.sort()).toEqual(WITH_EC.map(([profile]) => profile).sort());
    const expectation = EXPECTATIONS.find(({ profile }) => profile === 'org-conf');
    if (expectation === undefined) throw new Error('no expectation for org-conf');
    expect(refusalOf(() => certify(expectation, ec)).code).toBe('key_invalid');
  });
});

describe('the table of expectations', () => {
  it('has every profile', () => {
    expect(EXPECTATIONS.map(({ profile }) => profile).sort()).toEqual([...policies.profiles.keys()].sort());
  });
});
