import { describe, expect, test } from 'vitest';
import { CEREMONY, checkPurpose, type Duty, type PurposeContext, RIGHTS, type Role } from '#hsm/purpose.ts';
import { readAuthorities } from '#hsm/signing-key.ts';
import { openIntake } from '#hsm/to-be-signed.ts';
import { type Finding, Refusal } from '../../src/errors.ts';
import { signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { buildTbsCertificate } from '../../src/x509/certificate.ts';
import { readDer, TAG } from '../../src/x509/der.ts';
import {
  boolean,
  element,
  explicit,
  generalizedTime,
  implicitPrimitive,
  integer,
  octetString,
  sequence,
} from '../../src/x509/der-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  cRLNumber,
  extendedKeyUsage,
  type KeyUsageName,
  keyUsage,
  ocspNoCheck,
  privateKeyUsagePeriod,
  subjectAltName,
} from '../../src/x509/extensions.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { OID } from '../../src/x509/oids.ts';
import type { Signable } from '../../src/x509/signable.ts';
import * as make from '../helpers/test-hierarchy.ts';

const DAY = 86_400_000;
const aci = make.paperAuthority('ACI-EL-ORG-TEST', { type: 'rsa', bits: 2048 });
const other = make.paperAuthority('ACI-FO-PP-TEST', { type: 'ec', curve: 'P-256' });
const holder = make.paperKey({ type: 'ec', curve: 'P-256' });
const ocspKey = keyIdentifier(holder);
const authorities = readAuthorities([aci, other].map(({ id, certificate }) => ({ id, certificate: certificate.der })));
const [key] = authorities;

/** What the signer finds in this structure when `role` brings it. */
function findingsFor({ tbs }: Signable, duties: readonly Duty[], context: Partial<PurposeContext> = {}): Finding[] {
  if (key === undefined) throw new Error('no key');
  const known = duties.includes('OCSP response') ? { keyId: ocspKey } : { keyId: key.keyId, key };
  try {
    const intake = openIntake({ length: tbs.length, duties, key: known.key });
    intake.write(tbs);
    const { received } = intake.end();
    return checkPurpose(received, { ...known, duties, authorities, now: make.now(), toleranceMs: 600_000, ...context });
  } catch (error) {
    if (error instanceof Refusal) return [...error.findings];
    throw error;
  }
}

const detailOf = (...parameters: Parameters<typeof findingsFor>): string =>
  findingsFor(...parameters)
    .map(({ detail }) => detail)
    .join(' | ');

const ENDS: readonly Duty[] = ['end-entity certificate'];
const RESPONDERS: readonly Duty[] = ['OCSP responder certificate'];
const LISTS: readonly Duty[] = ['CRL'];
const ANSWERS: readonly Duty[] = ['OCSP response'];

const ee = make.endEntity(aci, holder);
const structures: Record<Duty, Signable> = {
  'end-entity certificate': make.certificateTbs(ee),
  'OCSP responder certificate': make.certificateTbs(make.responder(aci, holder)),
  'CA certificate': make.certificateTbs({
    ...make.withExtension(
      make.withExtension(ee, keyUsage(['keyCertSign', 'cRLSign'])),
      basicConstraints(true, 0, true),
    ),
    subject: make.nameOf('a new CA'),
  }),
  CRL: make.certListTbs(make.certList(aci)),
  'OCSP response': make.responseTbs(make.responseData(aci, ocspKey)),
};

describe('each role may have signed what it is for, and nothing else', () => {
  const roles = (['issuing', 'ocsp'] as const).flatMap((token) =>
    (Object.keys(RIGHTS[token]) as Role[]).map((role) => [token, role, RIGHTS[token][role]?.sign ?? []] as const),
  );
  const table = roles.flatMap(([token, role, duties]) =>
    (Object.keys(structures) as Duty[]).map((duty) => ({
      token,
      role,
      duties,
      duty,
      verdict: duties.includes(duty) ? 'signed' : 'refused',
    })),
  );
  test.each(table)('$role of the $token token: $duty is $verdict', ({ duties, duty, verdict }) => {
    expect(findingsFor(structures[duty], duties).length === 0 ? 'signed' : 'refused').toBe(verdict);
  });
  test('a CA certificate is signed in ceremonies only', () => {
    const signers = roles.filter(([, , duties]) => duties.includes('CA certificate'));
    expect(signers).toEqual([]);
    expect(detailOf(structures['CA certificate'], CEREMONY)).toBe('');
    expect(detailOf(structures['end-entity certificate'], CEREMONY)).toContain('CAs only');
  });
});

describe('an end-entity certificate is refused', () => {
  const years = (from: Date, count: number, months = 0): Date => {
    const date = new Date(from);
    date.setUTCFullYear(date.getUTCFullYear() + count, date.getUTCMonth() + months);
    return date;
  };
  const { certificate } = aci;
  test.each<[string, typeof ee, RegExp]>([
    ['of another issuer', { ...ee, issuer: other.certificate.subject }, /issuer is not/],
    ['of its issuer in another string type', { ...ee, issuer: reprinted(certificate.subject) }, /issuer is not/],
    [
      'with another algorithm inside',
      { ...ee, signatureAlgorithm: signatureAlgorithmIdentifier('ecdsa-with-SHA256') },
      /algorithm inside/,
    ],
    [
      'with SHA-512 inside',
      { ...ee, signatureAlgorithm: signatureAlgorithmIdentifier('sha512WithRSAEncryption') },
      /algorithm inside/,
    ],
    ['with a serial of 7 octets', { ...ee, serial: make.SERIAL.subarray(0, 7) }, /at least 8/],
    ['with a serial of 21 octets', { ...ee, serial: new Uint8Array(21).fill(1) }, /1 to 20 octets/],
    [
      'that begins before its CA',
      { ...ee, notBefore: make.after(certificate.notBefore, -1_000), notAfter: make.now() },
      /not inside/,
    ],
    [
      'that ends after its CA',
      { ...ee, notBefore: make.after(certificate.notAfter, -DAY), notAfter: make.after(certificate.notAfter, 1_000) },
      /not inside/,
    ],
    ['that begins in eleven minutes', { ...ee, notBefore: make.after(make.now(), 660_000) }, /signer's clock/],
    ['that began eleven minutes ago', { ...ee, notBefore: make.after(make.now(), -660_000) }, /signer's clock/],
    [
      'of more than three years and a month',
      { ...ee, notAfter: make.after(years(ee.notBefore, 3, 1), 3_601_000) },
      /three years and a month/,
    ],
    ['of a CA', make.withExtension(ee, basicConstraints(true, 0, true)), /no certificate of a CA/],
    [
      'with cA FALSE written out',
      make.withExtension(ee, { oid: OID.basicConstraints, critical: false, value: sequence(boolean(false)) }),
      /no certificate of a CA/,
    ],
    ['with keyCertSign', make.withExtension(ee, keyUsage(['digitalSignature', 'keyCertSign'])), /signs neither/],
    ['with cRLSign', make.withExtension(ee, keyUsage(['cRLSign'])), /signs neither/],
    ['without key usage', make.withoutExtension(ee, OID.keyUsage), /has a key usage/],
    ['without authority key identifier', make.withoutExtension(ee, OID.authorityKeyIdentifier), /authority key/],
    ['with another authority key', make.withExtension(ee, authorityKeyIdentifier(other.keyId)), /authority key/],
    ['of the CA’s own key', { ...ee, spki: certificate.spki }, /public key is a CA/],
    ['of another CA’s key', { ...ee, spki: other.certificate.spki }, /public key is a CA/],
    ['with another CA’s name', { ...ee, subject: other.certificate.subject }, /subject is empty, or a CA/],
    ['without a name', { ...ee, subject: sequence() }, /subject is empty/],
    [
      'for OCSPSigning',
      make.withExtension(ee, extendedKeyUsage([OID.OCSPSigning])),
      /OCSP responder certificate is not signed/,
    ],
    [
      'for OCSPSigning among others',
      make.withExtension(ee, extendedKeyUsage([OID.clientAuth, OID.OCSPSigning])),
      /not signed for this caller/,
    ],
    ['for any purpose', make.withExtension(ee, extendedKeyUsage([OID.anyExtendedKeyUsage])), /anyExtendedKeyUsage/],
    ['with nocheck', make.withExtension(ee, ocspNoCheck()), /not signed for this caller/],
    [
      'with an extension that is not DER',
      make.withExtension(ee, { oid: OID.subjectAltName, critical: false, value: Uint8Array.of(0x30, 5) }),
      /length goes beyond/,
    ],
    [
      'with a key of an unknown kind',
      {
        ...ee,
        spki: sequence(
          sequence(readDer(holder).children[0]?.children[0]?.bytes ?? sequence()),
          element(TAG.BIT_STRING, Uint8Array.of(0)),
        ),
      },
      /public key/,
    ],
  ])('%s', (_, fields, detail) => {
    expect(detailOf(make.certificateTbs(fields), ENDS)).toMatch(detail);
  });

  test('with every reason at once, not the first', () => {
    const fields = make.withExtension(
      { ...ee, issuer: other.certificate.subject, serial: Uint8Array.of(1) },
      keyUsage(['cRLSign']),
    );
    expect(findingsFor(make.certificateTbs(fields), ENDS)).toHaveLength(4);
  });
  test('and signed with three years and a month, and with a serial of 8 octets', () => {
    const fields = { ...ee, notAfter: years(ee.notBefore, 3, 1), serial: make.SERIAL.subarray(0, 8) };
    expect(detailOf(make.certificateTbs(fields), ENDS)).toBe('');
  });
});

describe('the key of an end entity has one function', () => {
  const rsa = make.paperKey({ type: 'rsa', bits: 2048 });
  type Named = Parameters<typeof subjectAltName>[0];
  type Made = { usages: KeyUsageName[]; purposes: string[]; names?: Named; period?: true; spki?: Uint8Array };
  const made = ({ usages, purposes, names, period, spki = rsa }: Made): Signable => {
    const base = { ...make.endEntity(aci, spki) };
    const extensions = [
      keyUsage(usages),
      extendedKeyUsage(purposes),
      ...(names === undefined ? [] : [subjectAltName(names)]),
      ...(period === undefined ? [] : [privateKeyUsagePeriod(base.notBefore, base.notAfter)]),
    ];
    return make.certificateTbs(extensions.reduce(make.withExtension, base));
  };
  const TLS = [OID.serverAuth, OID.clientAuth];
  const MAIL = [OID.emailProtection];
  const DNS = [{ dns: 'a.exemple.fr' }];
  const MAILBOX = [{ rfc822Name: 'a@exemple.fr' }];
  const UPN = [{ upn: '899700075064@carte-cps.fr' }];

  test.each<[string, Made]>([
    ['authentication', { usages: ['digitalSignature'], purposes: [OID.clientAuth], spki: holder }],
    ['a card', { usages: ['digitalSignature'], purposes: [OID.clientAuth, OID.msSmartcardLogin], names: UPN }],
    ['a TLS server', { usages: ['digitalSignature', 'keyEncipherment'], purposes: TLS, names: DNS }],
    ['a TLS server with an EC key', { usages: ['digitalSignature'], purposes: TLS, names: DNS, spki: holder }],
    ['a seal', { usages: ['digitalSignature', 'nonRepudiation'], purposes: MAIL, period: true }],
    ['a seal of a host', { usages: ['digitalSignature', 'nonRepudiation'], purposes: MAIL, names: DNS, period: true }],
    ['a signature', { usages: ['nonRepudiation'], purposes: MAIL, period: true, spki: holder }],
    ['a signature with a mailbox', { usages: ['nonRepudiation'], purposes: MAIL, names: MAILBOX, period: true }],
    ['mail', { usages: ['digitalSignature'], purposes: MAIL, names: MAILBOX }],
    ['encryption', { usages: ['keyEncipherment'], purposes: MAIL }],
    ['encryption for a host', { usages: ['keyEncipherment'], purposes: MAIL, names: DNS }],
    ['encryption for a mailbox', { usages: ['keyEncipherment'], purposes: MAIL, names: MAILBOX }],
  ])('as %s, which is signed', (_, parts) => {
    expect(detailOf(made(parts), ENDS)).toBe('');
  });

  test.each<[string, Made]>([
    ['signature and encryption', { usages: ['nonRepudiation', 'keyEncipherment'], purposes: MAIL, period: true }],
    ['signature and authentication', { usages: ['nonRepudiation'], purposes: [OID.clientAuth], period: true }],
    ['a seal that authenticates', { usages: ['digitalSignature', 'nonRepudiation'], purposes: TLS, names: DNS }],
    ['mail that is enciphered', { usages: ['digitalSignature', 'keyEncipherment'], purposes: MAIL, names: MAILBOX }],
    [
      'every usage',
      { usages: ['digitalSignature', 'nonRepudiation', 'keyEncipherment'], purposes: MAIL, period: true },
    ],
    ['encryption with an EC key', { usages: ['keyEncipherment'], purposes: MAIL, spki: holder }],
    ['key agreement', { usages: ['keyAgreement'], purposes: MAIL, spki: holder }],
    ['two purposes of two functions', { usages: ['digitalSignature'], purposes: [...MAIL, OID.clientAuth] }],
    ['code signing', { usages: ['digitalSignature'], purposes: ['1.3.6.1.5.5.7.3.3'] }],
    ['a signature without its period', { usages: ['nonRepudiation'], purposes: MAIL }],
    ['encryption with a period', { usages: ['keyEncipherment'], purposes: MAIL, period: true }],
    ['a card without a name', { usages: ['digitalSignature'], purposes: [OID.clientAuth, OID.msSmartcardLogin] }],
    ['a client that is a host', { usages: ['digitalSignature'], purposes: [OID.clientAuth], names: DNS }],
    ['a server without a host', { usages: ['digitalSignature'], purposes: TLS }],
    ['names of two kinds', { usages: ['keyEncipherment'], purposes: MAIL, names: [...DNS, ...MAILBOX] }],
  ])('and is refused as %s', (_, parts) => {
    expect(detailOf(made(parts), ENDS)).toMatch(/those of no function/);
  });

  test('whose period of use ends with the certificate', () => {
    const usages = make.withExtension(make.withExtension(ee, keyUsage(['nonRepudiation'])), extendedKeyUsage(MAIL));
    const longer = privateKeyUsagePeriod(ee.notBefore, make.after(ee.notAfter, 1_000));
    expect(detailOf(make.certificateTbs(make.withExtension(usages, longer)), ENDS)).toMatch(/beyond the validity/);
  });

  test('and no extension that end entities do not have', () => {
    const constraints = { oid: OID.nameConstraints, critical: false, value: sequence() };
    expect(detailOf(make.certificateTbs(make.withExtension(ee, constraints)), ENDS)).toMatch(/in no certificate/);
  });
});

/** The same name, its strings in another string type: equal to a reader, and not the same octets. */
function reprinted(name: Uint8Array): Uint8Array {
  const octets = Buffer.from(name);
  octets[octets.lastIndexOf(TAG.UTF8_STRING, octets.length - 2)] = TAG.PRINTABLE_STRING;
  return octets;
}

describe('an OCSP responder certificate is refused', () => {
  const good = make.responder(aci, holder);
  test.each<[string, typeof good, RegExp]>([
    ['that begins tomorrow', { ...good, notBefore: make.after(make.now(), DAY) }, /signer's clock/],
    ['of more than 30 days', { ...good, notAfter: make.after(good.notBefore, 30 * DAY + 1_000) }, /at most 30 days/],
    ['without nocheck', make.withoutExtension(good, OID.ocspNoCheck), /nocheck is missing/],
    [
      'with a nocheck that is no NULL',
      make.withExtension(good, { ...ocspNoCheck(), value: sequence() }),
      /nocheck is missing, or not NULL/,
    ],
    [
      'for another purpose too',
      make.withExtension(good, extendedKeyUsage([OID.OCSPSigning, OID.clientAuth])),
      /nothing else/,
    ],
    [
      'with a key that may bind its CA too',
      make.withExtension(good, keyUsage(['digitalSignature', 'nonRepudiation'])),
      /does nothing else/,
    ],
    ['without OCSPSigning', make.withExtension(good, extendedKeyUsage([OID.clientAuth])), /nothing else/],
    ['of another issuer', { ...good, issuer: other.certificate.subject }, /issuer is not/],
    ['of a CA', make.withExtension(good, basicConstraints(true, undefined, true)), /no certificate of a CA/],
  ])('%s', (_, fields, detail) => {
    expect(detailOf(make.certificateTbs(fields), RESPONDERS)).toMatch(detail);
  });
});

describe('a CRL is refused', () => {
  const good = make.certList(aci);
  const extensions = (...more: (typeof good.extensions)[number][]): typeof good => ({
    ...good,
    extensions: [...good.extensions.filter(({ oid }) => more.every((one) => one.oid !== oid)), ...more],
  });
  test.each<[string, typeof good, RegExp]>([
    ['of another issuer', { ...good, issuer: other.certificate.subject }, /issuer is not/],
    [
      'with another algorithm inside',
      { ...good, signatureAlgorithm: signatureAlgorithmIdentifier('ecdsa-with-SHA384') },
      /algorithm inside/,
    ],
    ['of an hour ago', { ...good, thisUpdate: make.after(good.thisUpdate, -3_600_000) }, /signer's clock/],
    ['of an hour ahead', { ...good, thisUpdate: make.after(good.thisUpdate, 3_600_000) }, /signer's clock/],
    ['that lasts 11 days', { ...good, nextUpdate: make.after(good.thisUpdate, 11 * DAY) }, /at most 10 days/],
    ['that lasts no time', { ...good, nextUpdate: good.thisUpdate }, /comes after/],
    [
      'without a number',
      { ...good, extensions: good.extensions.filter(({ oid }) => oid !== OID.cRLNumber) },
      /number is missing/,
    ],
    ['with a number of 21 octets', extensions(cRLNumber(1n << 160n)), /20 octets/],
    [
      'without authority key identifier',
      { ...good, extensions: good.extensions.filter(({ oid }) => oid !== OID.authorityKeyIdentifier) },
      /authority key/,
    ],
    ['with another authority key', extensions(authorityKeyIdentifier(other.keyId)), /authority key/],
    [
      'with an unknown critical extension',
      extensions({ ...subjectAltName([{ dns: 'a.fr' }]), critical: true }),
      /nothing else is/,
    ],
    [
      'as a delta that old software would take for a full one',
      extensions({ oid: OID.deltaCRLIndicator, critical: false, value: integer(1) }),
      /are critical/,
    ],
    [
      'that is indirect',
      extensions({
        oid: OID.issuingDistributionPoint,
        critical: true,
        value: sequence(implicitPrimitive(4, Uint8Array.of(0xff))),
      }),
      /own certificates only/,
    ],
  ])('%s', (_, fields, detail) => {
    expect(detailOf(make.certListTbs(fields), LISTS)).toMatch(detail);
  });

  test('and a delta is signed', () => {
    expect(
      detailOf(make.certListTbs(extensions({ oid: OID.deltaCRLIndicator, critical: true, value: integer(1) })), LISTS),
    ).toBe('');
  });
});

describe('an OCSP answer is refused', () => {
  const good = make.responseData(aci, ocspKey);
  const [single] = good.responses;
  if (single === undefined) throw new Error('no response');
  test.each<[string, typeof good, RegExp]>([
    ['of another responder', { ...good, responderKeyHash: aci.keyId }, /responder is not the key/],
    ['of an hour ago', { ...good, producedAt: make.after(good.producedAt, -3_600_000) }, /signer's clock/],
    ['of an hour ahead', { ...good, producedAt: make.after(good.producedAt, 3_600_000) }, /signer's clock/],
    [
      'that lasts two days',
      { ...good, responses: [{ ...single, nextUpdate: make.after(make.now(), 2 * DAY) }] },
      /at most a day/,
    ],
    [
      'that ends before it begins',
      { ...good, responses: [{ ...single, nextUpdate: make.after(single.thisUpdate, -1_000) }] },
      /before nextUpdate/,
    ],
    [
      'with a status of tomorrow',
      {
        ...good,
        responses: [
          { ...single, thisUpdate: make.after(make.now(), DAY), nextUpdate: make.after(make.now(), 2 * DAY) },
        ],
      },
      /not in the future/,
    ],
    ['about nothing', { ...good, responses: [] }, /answers something/],
  ])('%s', (_, fields, detail) => {
    expect(detailOf(make.responseTbs(fields), ANSWERS)).toMatch(detail);
  });

  test('by name', () => {
    const byName = sequence(
      explicit(1, make.nameOf('CA')),
      generalizedTime(make.now()),
      sequence(octetString(ocspKey)),
    );
    expect(detailOf(make.unlinted(byName), ANSWERS)).toMatch(/responder by key/);
  });
  test('and signed for good, revoked and unknown, with a nonce', () => {
    const responses = [
      single,
      { ...single, status: { revoked: make.now() } },
      { certIdDer: single.certIdDer, status: { unknown: true as const }, thisUpdate: single.thisUpdate },
    ];
    const fields = { ...good, responses, nonce: new Uint8Array(32).fill(9) };
    expect(detailOf(make.responseTbs(fields), ANSWERS)).toBe('');
  });
});

describe('bytes that are none of the three structures are refused', () => {
  const digest = Buffer.from('3031300d060960864801650304020105000420'.padEnd(102, '0'), 'hex');
  test.each<[string, Uint8Array]>([
    ['plain text', Buffer.from('sign me, please')],
    ['a DigestInfo', digest],
    ['nothing', new Uint8Array()],
    ['one octet', Uint8Array.of(0x30)],
    ['an empty SEQUENCE', sequence()],
    ['a version 1 certificate', sequence(integer(1), make.algorithmOf(aci), make.nameOf('CA'), sequence())],
  ])('%s', (_, octets) => {
    for (const duties of [ENDS, RESPONDERS, LISTS, ANSWERS])
      expect(findingsFor(make.unlinted(octets), duties)).toHaveLength(1);
  });

  test.each([
    ['end-entity certificate', ENDS],
    ['CRL', LISTS],
    ['OCSP response', ANSWERS],
  ] as const)('%s with an octet after its end, or cut off anywhere', (duty, duties) => {
    const { tbs } = structures[duty];
    expect(findingsFor(make.unlinted(Buffer.concat([tbs, Uint8Array.of(0)])), duties)).toHaveLength(1);
    for (let length = 0; length < tbs.length; length += 1) {
      expect(findingsFor(make.unlinted(tbs.subarray(0, length)), duties)).toHaveLength(1);
    }
  });
});

test('whichever octet of a certificate is changed, what the CA answers for stays as it was, or it is refused', () => {
  const { tbs } = structures['end-entity certificate'];
  const fieldsOf = (octets: Uint8Array) => readDer(octets).children;
  const original = fieldsOf(tbs);
  const extensionIn = (octets: Uint8Array, oid: string): string | undefined =>
    fieldsOf(octets)[7]
      ?.children[0]?.children.map(({ bytes }) => Buffer.from(bytes).toString('hex'))
      .find((hex) => hex.includes(oid));
  let signed = 0;
  for (let at = 0; at < tbs.length; at += 1) {
    for (const change of [0x01, 0x80, 0xff]) {
      const mutant = Uint8Array.from(tbs);
      mutant[at] = (mutant[at] ?? 0) ^ change;
      if (findingsFor(make.unlinted(mutant), ENDS).length > 0) continue;
      signed += 1;
      // version, algorithm and issuer, octet for octet
      for (const index of [0, 2, 3]) expect(fieldsOf(mutant)[index]?.bytes).toEqual(original[index]?.bytes);
      // authority key identifier: 551d23
      expect(extensionIn(mutant, '0603551d23')).toBe(extensionIn(tbs, '0603551d23'));
    }
  }
  // what a caller may choose: serial, validity, subject, key, and what the remaining extensions say
  expect(signed).toBeGreaterThan(0);
  expect(buildTbsCertificate(ee)).toEqual(tbs);
});
