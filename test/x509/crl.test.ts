import { CertificateRevocationList } from 'pkijs';
import { describe, expect, it } from 'vitest';
import { assembleSigned } from '../../src/x509/certificate.ts';
import {
  buildTbsCertList,
  type CrlEntry,
  encodeCrlEntry,
  findCrlEntry,
  parseCrl,
  parseTbsCertList,
} from '../../src/x509/crl.ts';
import { DerError, readDer } from '../../src/x509/der.ts';
import { element, explicit, generalizedTime, integer, NULL, sequence, time } from '../../src/x509/der-writer.ts';
import { authorityKeyIdentifier, cRLNumber, encodeExtensions } from '../../src/x509/extensions.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { toPem } from '../../src/x509/pem.ts';
import { at, FROM, hex, newBranch, SERIAL, toHex } from './branch.ts';
import { judge } from './judges.ts';

const { root, ca } = newBranch('rsa');
const NEXT = at('2026-03-22T09:44:50');
const ENTRIES: CrlEntry[] = [
  { serial: SERIAL, revokedAt: at('2026-03-01T23:00:00') },
  { serial: hex('00 ff'), revokedAt: at('2026-03-01T23:00:01') },
  { serial: hex('01'), revokedAt: at('2050-01-01T00:00:00') },
];
const FIELDS = {
  signatureAlgorithm: ca.key.algorithm,
  issuer: ca.certificate.subject,
  thisUpdate: FROM,
  nextUpdate: NEXT,
  extensions: [authorityKeyIdentifier(keyIdentifier(ca.key.spki)), cRLNumber(1287n)],
};
const build = (entries: readonly CrlEntry[]): Uint8Array => buildTbsCertList({ ...FIELDS, entries });
const signed = (tbs: Uint8Array): Uint8Array => assembleSigned(tbs, ca.key.algorithm, ca.key.sign(tbs));

describe('a TBSCertList', () => {
  it('is exactly these octets, with times of either form', () => {
    const tbs = buildTbsCertList({
      ...FIELDS,
      signatureAlgorithm: hex('30 00'),
      issuer: hex('30 00'),
      entries: ENTRIES.slice(1),
      extensions: [cRLNumber(7n)],
    });
    // written by hand from RFC 5280 §5.1
    expect(toHex(tbs)).toBe(
      toHex(
        hex(`30 62
          02 01 01
          30 00
          30 00
          17 0d 323630333136303934343530 5a
          17 0d 323630333232303934343530 5a
          30 2b
            30 13 02 02 00ff 17 0d 323630333031323330303031 5a
            30 14 02 01 01 18 0f 3230353030313031303030303030 5a
          a0 0e 30 0c 30 0a 06 03 55 1d 14 04 03 02 01 07`),
      ),
    );
  });

  it('without entries has no revokedCertificates', () => {
    expect(readDer(build([])).children.map(({ tag }) => tag)).toEqual([0x02, 0x30, 0x30, 0x17, 0x17, 0xa0]);
  });

  it('has the entries that encodeCrlEntry makes', () => {
    const serials = ['00', '7f', '80', '00000080', 'ff'.repeat(20), '0001'].map(hex);
    const moments = [
      '2026-03-01T23:59:59',
      '2026-03-02T00:00:00',
      '1969-12-31T23:59:58',
      '2049-12-31T23:59:59',
      '1949-12-31T00:00:01',
    ];
    const entries = serials.flatMap((serial) => moments.map((moment) => ({ serial, revokedAt: at(moment) })));
    const list = readDer(build(entries)).children[5]?.children ?? [];
    expect(list.map(({ bytes }) => toHex(bytes))).toEqual(entries.map((entry) => toHex(encodeCrlEntry(entry))));
  });
});

it('a TBSCertList is not built with a serial that no certificate has', () => {
  expect(() => build([{ serial: new Uint8Array(22).fill(1), revokedAt: FROM }])).toThrow(RangeError);
});

describe('a CRL', () => {
  const der = signed(build(ENTRIES));

  it('is believed and read alike by OpenSSL', () => {
    const files = {
      'list.der': der,
      'ca.pem': toPem('CERTIFICATE', ca.certificate.der),
      'root.pem': toPem('CERTIFICATE', root.certificate.der),
    };
    const text = judge(
      'openssl',
      files,
      'crl',
      '-inform',
      'DER',
      '-in',
      'list.der',
      '-noout',
      '-text',
      '-CAfile',
      'ca.pem',
    );
    expect(text).toContain('verify OK');
    expect(text).toMatch(/Version 2 \(0x1\)[\s\S]*X509v3 CRL Number: \n *1287\n/);
    expect(text).toMatch(
      /Serial Number: 1D5DE25E3DC14BDE0011223344556677\n *Revocation Date: Mar {2}1 23:00:00 2026 GMT/,
    );
    expect(text).toMatch(/Serial Number: FF\n[\s\S]*Serial Number: 01\n *Revocation Date: Jan {2}1 00:00:00 2050 GMT/);
  });

  it('is read alike by GnuTLS and pkijs', () => {
    const text = judge('certtool', { 'list.der': der }, '--crl-info', '--inder', '--infile', 'list.der');
    expect(text).toContain('Revoked certificates (3)');
    expect(text).toMatch(/CRL Number \(not critical\):? 0?507|CRL Number[^\n]*\n?[^\n]*0507/i);
    const pkijs = CertificateRevocationList.fromBER(Uint8Array.from(der).buffer);
    expect(pkijs.revokedCertificates?.map(({ revocationDate }) => revocationDate.value)).toEqual(
      ENTRIES.map(({ revokedAt }) => revokedAt),
    );
    expect(pkijs.crlExtensions?.extensions.map(({ extnID }) => extnID)).toEqual(['2.5.29.35', '2.5.29.20']);
  });

  it('is read back, as often as wanted', () => {
    const crl = parseCrl(der);
    expect([crl.number, crl.entryCount, crl.thisUpdate, crl.nextUpdate]).toEqual([1287n, 3, FROM, NEXT]);
    expect([...crl.entries]).toEqual([...crl.entries]);
    expect(toHex(build([...crl.entries]))).toBe(toHex(crl.tbs));
    expect(crl.issuerName).toEqual(ca.certificate.subjectName);
  });

  it('is asked for a serial', () => {
    const crl = parseCrl(der);
    expect(findCrlEntry(crl, SERIAL)).toEqual(ENTRIES[0]);
    expect(findCrlEntry(crl, hex('02'))).toBeUndefined();
    expect(findCrlEntry(parseCrl(signed(build([]))), SERIAL)).toBeUndefined();
  });

  it('of a hundred thousand entries keeps none of them while it is read', () => {
    const entries = Array.from({ length: 100_000 }, (_, index) => {
      const serial = Uint8Array.from(SERIAL);
      new DataView(serial.buffer).setUint32(12, index);
      return { serial, revokedAt: new Date(FROM.getTime() + index * 1000) };
    });
    const crl = parseCrl(assembleSigned(build(entries), ca.key.algorithm, hex('00')));
    expect(crl.entryCount).toBe(entries.length);
    expect(findCrlEntry(crl, entries.at(-1)?.serial ?? SERIAL)).toEqual(entries.at(-1));
    const [first] = crl.entries;
    expect(first?.serial.buffer).toBe(crl.der.buffer);
  });
});

describe('a CRL is refused', () => {
  const parts = readDer(build(ENTRIES)).children.map(({ bytes }) => bytes);
  const having = (index: number, ...replacement: Uint8Array[]): Uint8Array =>
    assembleSigned(sequence(...parts.toSpliced(index, 1, ...replacement)), ca.key.algorithm, hex('00'));
  const entry = (...fields: Uint8Array[]): Uint8Array => having(5, sequence(sequence(...fields)));

  it.each([
    ['of version 1', having(0)],
    ['of version 3', having(0, integer(2))],
    ['without nextUpdate', having(4)],
    ['with a GeneralizedTime before 2050', having(3, generalizedTime(FROM))],
    ['with an empty revokedCertificates', having(5, sequence())],
    ['with an entry that has extensions', entry(integer(1), time(FROM), encodeExtensions([cRLNumber(1n)]))],
    ['with an empty crlEntryExtensions', entry(integer(1), time(FROM), sequence())],
    ['with an entry without a time', entry(integer(1))],
    ['with an entry of serial zero', entry(integer(0), time(FROM))],
    ['with an entry of a negative serial', entry(hex('02 01 ff'), time(FROM))],
    ['with an entry of a serial with a superfluous zero', entry(hex('02 02 00 01'), time(FROM))],
    ['with an entry that is a SET', having(5, sequence(element(0x31, integer(1), time(FROM))))],
    [
      'with an entry whose length is in two octets',
      having(5, sequence(hex('30 81 12 02 01 01 17 0d 323630333031323330303031 5a'))),
    ],
    ['with an entry on 30 February', entry(integer(1), hex('17 0d 323630323330303030303030 5a'))],
    ['without extensions', having(6)],
    ['with an extension that stands twice', having(6, explicit(0, encodeExtensions([cRLNumber(1n), cRLNumber(1n)])))],
    [
      'with a negative number',
      having(6, explicit(0, encodeExtensions([{ ...cRLNumber(1n), value: hex('02 01 ff') }]))),
    ],
    ['with a field too many', having(6, parts[6] ?? NULL, NULL)],
    ['with two different signature algorithms', assembleSigned(build(ENTRIES), hex('30 00'), hex('00'))],
    ['with a part too many', sequence(build(ENTRIES), ca.key.algorithm, hex('03 01 00'), NULL)],
    ['with octets after it', Buffer.concat([signed(build([])), Uint8Array.of(0)])],
    ['that is empty', new Uint8Array()],
  ])('%s', (_, der) => {
    expect(() => parseCrl(der)).toThrow(DerError);
  });

  it('wherever it is cut off', () => {
    const whole = signed(build(ENTRIES));
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => parseCrl(whole.subarray(0, length))).toThrow(DerError);
    }
  });

  it('and a TBSCertList with octets after it as well', () => {
    expect(() => parseTbsCertList(Buffer.concat([build([]), Uint8Array.of(0)]))).toThrow(DerError);
  });
});
