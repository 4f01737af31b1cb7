import 'reflect-metadata';
import { X509Certificate as PeculiarCertificate } from '@peculiar/x509';
import fc from 'fast-check';
import { Certificate as PkijsCertificate } from 'pkijs';
import { describe, expect, it } from 'vitest';
import { verifySignature } from '../../src/x509/algorithms.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type CertificateFields,
  extensionOf,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import { DerError, readDer } from '../../src/x509/der.ts';
import {
  boolean,
  element,
  explicit,
  generalizedTime,
  implicitPrimitive,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
  time,
} from '../../src/x509/der-writer.ts';
import { formatName } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { toPem } from '../../src/x509/pem.ts';
import {
  at,
  type Branch,
  CA_FROM,
  CA_UNTIL,
  FROM,
  hex,
  issue,
  newBranch,
  SERIAL,
  serverFields,
  toHex,
  UNTIL,
} from './branch.ts';
import { judge } from './judges.ts';

const branches: [string, Branch][] = [
  ['RSA', newBranch('rsa')],
  ['P-256', newBranch('P-256')],
];
const [, branch] = branches[1] ?? ['', newBranch('P-256')];
const { fields: FIELDS } = serverFields(branch.ca, branch.server.key);

it('a TBSCertificate is exactly these octets', () => {
  const tbs = buildTbsCertificate({
    serial: hex('1d 5d'),
    signatureAlgorithm: hex('30 0a 06 08 2a 86 48 ce 3d 04 03 02'),
    issuer: hex('30 00'),
    notBefore: at('2049-12-31T23:59:59'),
    notAfter: at('2050-01-01T00:00:00'),
    subject: hex('30 0d 31 0b 30 09 06 03 55 04 06 13 02 46 52'),
    spki: hex('30 00'),
    extensions: [{ oid: '2.5.29.19', critical: true, value: hex('30 00') }],
  });
  // written by hand from RFC 5280 §4.1
  expect(toHex(tbs)).toBe(
    toHex(
      hex(`30 5c
        a0 03 02 01 02
        02 02 1d 5d
        30 0a 06 08 2a 86 48 ce 3d 04 03 02
        30 00
        30 20 17 0d 3439 3132 3331 3233 3539 3539 5a 18 0f 3230 3530 3031 3031 3030 3030 3030 5a
        30 0d 31 0b 30 09 06 03 55 04 06 13 02 46 52
        30 00
        a3 10 30 0e 30 0c 06 03 55 1d 13 01 01 ff 04 02 30 00`),
    ),
  );
});

describe.each(branches)('certificates of an authority with %s', (_, { root, ca, responder, server }) => {
  it('are believed by OpenSSL, each for its purpose', () => {
    const files = {
      'root.pem': toPem('CERTIFICATE', root.certificate.der),
      'ca.pem': toPem('CERTIFICATE', ca.certificate.der),
      'server.pem': toPem('CERTIFICATE', server.certificate.der),
      'responder.pem': toPem('CERTIFICATE', responder.certificate.der),
    };
    const verify = [
      'verify',
      '-x509_strict',
      '-check_ss_sig',
      '-attime',
      `${FROM.getTime() / 1000}`,
      '-CAfile',
      'root.pem',
      '-untrusted',
      'ca.pem',
    ];
    expect(
      judge('openssl', files, ...verify, '-purpose', 'sslserver', '-verify_hostname', 'autre.example.fr', 'server.pem'),
    ).toContain('OK');
    expect(judge('openssl', files, ...verify, '-purpose', 'ocsphelper', 'responder.pem')).toContain('OK');
    expect(() => judge('openssl', files, ...verify, '-purpose', 'sslserver', 'responder.pem')).toThrow(
      /unsuitable|unsupported/i,
    );
  });

  it('are read alike by OpenSSL', () => {
    const text = judge(
      'openssl',
      { 'server.der': server.certificate.der },
      'x509',
      '-inform',
      'DER',
      '-in',
      'server.der',
      '-noout',
      '-text',
      '-nameopt',
      'rfc2253,-esc_msb,utf8',
    );
    expect(text).toContain(`Subject: ${formatName(server.certificate.subjectName)}\n`);
    expect(text).toContain(`Issuer: ${formatName(server.certificate.issuerName)}\n`);
    expect(text).toContain('Not After : Mar 16 09:44:50 2029 GMT');
    expect(text).toContain('DNS:serveur.example.fr, DNS:autre.example.fr');
    expect(text).toMatch(/X509v3 Key Usage: critical\n *Digital Signature, Key Encipherment\n/);
    expect(text).toMatch(/Policy: 1\.2\.250\.1\.213\.1\.7\.2\.1\.1\.1\.1\n *CPS: http:\/\/igc\.example\/PC%20TEST/);
    expect(text).toMatch(/OCSP - URI:http:\/\/ocsp\.example\n *CA Issuers - URI:http:\/\/igc\.example\/AC%20TEST/);
    expect(text).toMatch(/X509v3 Freshest CRL:/);
  });

  it('are read alike by GnuTLS', () => {
    const text = judge(
      'certtool',
      { 'ca.der': ca.certificate.der },
      '--certificate-info',
      '--inder',
      '--infile',
      'ca.der',
    );
    expect(text).toContain('Serial Number (hex): 1d5de25e3dc14bde0011223344556677');
    expect(text).toMatch(
      /Basic Constraints \(critical\):\s+Certificate Authority \(CA\): TRUE\s+Path Length Constraint: 0/,
    );
    expect(text).toMatch(/Key Usage \(critical\):\s+Certificate signing\.\s+CRL signing\./);
    expect(text).toMatch(/CRL Distribution points \(not critical\):\s+URI: http[^\n]+\n\s+URI: ldap/);
  });

  it('are read alike by pkijs and @peculiar/x509', () => {
    const { der, subjectName, serial } = server.certificate;
    const pkijs = PkijsCertificate.fromBER(Uint8Array.from(der).buffer);
    expect(pkijs.extensions?.map(({ extnID, critical }) => [extnID, critical])).toEqual(
      server.certificate.extensions.map(({ oid, critical }) => [oid, critical]),
    );
    expect(toHex(new Uint8Array(pkijs.serialNumber.valueBlock.valueHexView))).toBe(toHex(serial));
    expect(pkijs.subject.typesAndValues.map(({ value }) => value.valueBlock.value)).toEqual(
      subjectName.flat().map(({ value }) => value),
    );
    const peculiar = new PeculiarCertificate(Uint8Array.from(der));
    expect([peculiar.notBefore, peculiar.notAfter, peculiar.serialNumber]).toEqual([FROM, UNTIL, toHex(SERIAL)]);
  });

  it('are read back by ourselves, field by field and byte by byte', () => {
    const { certificate } = server;
    expect(toHex(buildTbsCertificate(certificate))).toBe(toHex(certificate.tbs));
    expect([certificate.notBefore, certificate.notAfter]).toEqual([FROM, UNTIL]);
    expect(
      verifySignature(
        ca.key.algorithm.length > 13 ? 'sha256WithRSAEncryption' : 'ecdsa-with-SHA256',
        ca.certificate.spki,
        certificate.tbs,
        certificate.signature,
      ),
    ).toBe(true);
    expect(extensionOf(certificate, OID.productCategory)?.value).toEqual(hex('04 01 83'));
    expect(extensionOf(certificate, OID.cardType)).toBeUndefined();
  });
});

describe('a validity', () => {
  const second = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(2110, 0, 1) / 1000 });
  const edges = fc.constantFrom(
    ...['2049-12-31T23:59:59', '2050-01-01T00:00:00', '2024-02-29T00:00:00'].map((text) => at(text).getTime() / 1000),
  );

  it('is read back to the second, UTCTime until 2049 and GeneralizedTime from 2050', () => {
    fc.assert(
      fc.property(fc.oneof(second, edges), fc.nat({ max: 100_000_000 }), (from, span) => {
        const [notBefore, notAfter] = [new Date(from * 1000), new Date((from + span) * 1000)];
        const read = parseCertificate(
          assembleSigned(buildTbsCertificate({ ...FIELDS, notBefore, notAfter }), FIELDS.signatureAlgorithm, hex('00')),
        );
        expect([read.notBefore, read.notAfter]).toEqual([notBefore, notAfter]);
        const form = (date: Date): number => (date.getUTCFullYear() < 2050 ? 0x17 : 0x18);
        expect(readDer(read.tbs).children[4]?.children.map(({ tag }) => tag)).toEqual([
          form(notBefore),
          form(notAfter),
        ]);
      }),
      { numRuns: 100, seed: 5280 },
    );
  });

  it('across 2050 is read alike by OpenSSL', () => {
    const { der } = issue({ ...FIELDS, notBefore: CA_FROM, notAfter: at('2050-01-01T00:00:00') }, branch.ca.key);
    const dates = judge('openssl', { 'a.der': der }, 'x509', '-inform', 'DER', '-in', 'a.der', '-noout', '-dates');
    expect(dates).toBe('notBefore=Jun 25 00:00:00 2024 GMT\nnotAfter=Jan  1 00:00:00 2050 GMT\n');
  });
});

it('a serial is read back whatever its octets', () => {
  const octets = fc.uint8Array({ minLength: 1, maxLength: 20 }).filter(([first = 0]) => first > 0 && first < 0x80);
  fc.assert(
    fc.property(octets, (serial) => {
      const tbs = buildTbsCertificate({ ...FIELDS, serial });
      expect(parseCertificate(assembleSigned(tbs, FIELDS.signatureAlgorithm, hex('00'))).serial).toEqual(serial);
    }),
    { numRuns: 100, seed: 5280 },
  );
});

describe('a certificate is refused', () => {
  const parts = readDer(buildTbsCertificate(FIELDS)).children.map(({ bytes }) => bytes);
  const signed = (tbs: Uint8Array, algorithm = FIELDS.signatureAlgorithm): Uint8Array =>
    assembleSigned(tbs, algorithm, hex('00'));
  /** the certificate with one field of its TBSCertificate in another form */
  const having = (index: number, ...replacement: Uint8Array[]): Uint8Array =>
    signed(sequence(...parts.toSpliced(index, 1, ...replacement)));
  const tbsWith = (changes: Partial<CertificateFields>): Uint8Array =>
    signed(buildTbsCertificate({ ...FIELDS, ...changes }));
  const noCheck = { oid: OID.ocspNoCheck, critical: false, value: NULL };

  it.each([
    ['with version 1', having(0)],
    ['with version 2', having(0, explicit(0, integer(1)))],
    ['with version 4', having(0, explicit(0, integer(3)))],
    ['with a negative serial', having(1, hex('02 01 ff'))],
    ['with the serial zero', having(1, integer(0))],
    ['with a serial of 21 octets', having(1, element(2, hex(`01${'00'.repeat(20)}`)))],
    ['with a serial that is no INTEGER', having(1, octetString(SERIAL))],
    [
      'with two different signature algorithms',
      signed(buildTbsCertificate(FIELDS), hex('30 0a 06 08 2a 86 48 ce 3d 04 03 03')),
    ],
    ['with an issuer that is no Name', having(3, sequence(sequence()))],
    ['with a GeneralizedTime before 2050', having(4, sequence(generalizedTime(FROM), time(UNTIL)))],
    ['with a validity that ends before it begins', tbsWith({ notBefore: UNTIL, notAfter: FROM })],
    ['with a validity of three times', having(4, sequence(time(FROM), time(UNTIL), time(CA_UNTIL)))],
    ['with a subject that is no Name', having(5, hex('31 00'))],
    ['with a key that is no SEQUENCE', having(6, octetString(FIELDS.spki))],
    ['with a unique identifier', having(6, FIELDS.spki, implicitPrimitive(1, hex('00 01')))],
    ['without extensions', having(7)],
    ['with an empty list of extensions', having(7, explicit(3, sequence()))],
    ['with extensions under another tag', having(7, explicit(2, sequence()))],
    ['with an extension that stands twice', tbsWith({ extensions: [noCheck, noCheck] })],
    [
      'with critical FALSE written',
      having(7, explicit(3, sequence(sequence(objectIdentifier('1.2.3'), boolean(false), octetString(NULL))))),
    ],
    ['with a field too many', having(7, parts[7] ?? NULL, NULL)],
    ['with octets after it', Buffer.concat([branch.server.certificate.der, Uint8Array.of(0)])],
    ['cut off', branch.server.certificate.der.subarray(0, -1)],
    ['with a part too many', sequence(buildTbsCertificate(FIELDS), FIELDS.signatureAlgorithm, hex('03 01 00'), NULL)],
    [
      'with a signature that is not whole octets',
      sequence(buildTbsCertificate(FIELDS), FIELDS.signatureAlgorithm, hex('03 02 01 02')),
    ],
    ['that is empty', new Uint8Array()],
  ])('%s', (_, der) => {
    expect(() => parseCertificate(der)).toThrow(DerError);
  });

  it('but not for anything else: the parts that are replaced above are what refuses', () => {
    expect(() => parseCertificate(signed(sequence(...parts)))).not.toThrow();
  });
});
