import { describe, expect, it } from 'vitest';
import { DerError, readDer } from '../../src/x509/der.ts';
import { boolean, element, objectIdentifier, octetString, sequence } from '../../src/x509/der-writer.ts';
import {
  extendedKeyUsageOf,
  isCa,
  keyUsageOf,
  readAuthorityInfoAccess,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readCardNumber,
  readCertificatePolicies,
  readDistributionPoints,
  readExtendedKeyUsage,
  readKeyUsage,
  readPrivateKeyUsagePeriod,
  readProductCategory,
  readSubjectAltName,
  readSubjectKeyIdentifier,
  readUnsigned,
} from '../../src/x509/extension-values.ts';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  cardNumber,
  cardType,
  certificatePolicies,
  cRLDistributionPoints,
  cRLNumber,
  type Extension,
  encodeExtensions,
  extendedKeyUsage,
  freshestCRL,
  KEY_USAGE_NAMES,
  keyUsage,
  ocspNoCheck,
  parseExtensions,
  privateKeyUsagePeriod,
  productCategory,
  profession,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import { OID } from '../../src/x509/oids.ts';
import { at, hex, toHex } from './branch.ts';

const ID = hex('000102030405060708090a0b0c0d0e0f10111213');

// every value written by hand from the ASN.1 of the RFC or of the nomenclature
const GOLDEN: [string, Extension, string, boolean, string, (value: Uint8Array) => unknown, unknown][] = [
  [
    'basicConstraints of an end entity',
    basicConstraints(false, undefined, false),
    '2.5.29.19',
    false,
    '30 00',
    readBasicConstraints,
    { ca: false },
  ],
  [
    'basicConstraints of a root',
    basicConstraints(true, undefined, true),
    '2.5.29.19',
    true,
    '30 03 01 01 ff',
    readBasicConstraints,
    { ca: true },
  ],
  [
    'basicConstraints of an intermediate',
    basicConstraints(true, 0, true),
    '2.5.29.19',
    true,
    '30 06 01 01 ff 02 01 00',
    readBasicConstraints,
    { ca: true, pathLen: 0 },
  ],
  [
    'subjectKeyIdentifier',
    subjectKeyIdentifier(ID),
    '2.5.29.14',
    false,
    `04 14 ${toHex(ID)}`,
    readSubjectKeyIdentifier,
    ID,
  ],
  [
    'authorityKeyIdentifier',
    authorityKeyIdentifier(ID),
    '2.5.29.35',
    false,
    `30 16 80 14 ${toHex(ID)}`,
    readAuthorityKeyIdentifier,
    ID,
  ],
  [
    'keyUsage of a CA',
    keyUsage(['cRLSign', 'keyCertSign']),
    '2.5.29.15',
    true,
    '03 02 01 06',
    readKeyUsage,
    ['keyCertSign', 'cRLSign'],
  ],
  [
    'keyUsage of a server',
    keyUsage(['digitalSignature', 'keyEncipherment']),
    '2.5.29.15',
    true,
    '03 02 05 a0',
    readKeyUsage,
    ['digitalSignature', 'keyEncipherment'],
  ],
  [
    'keyUsage with decipherOnly',
    keyUsage(['decipherOnly']),
    '2.5.29.15',
    true,
    '03 03 07 00 80',
    readKeyUsage,
    ['decipherOnly'],
  ],
  [
    'extKeyUsage',
    extendedKeyUsage([OID.serverAuth, OID.clientAuth]),
    '2.5.29.37',
    false,
    '30 14 06 08 2b 06 01 05 05 07 03 01 06 08 2b 06 01 05 05 07 03 02',
    readExtendedKeyUsage,
    [OID.serverAuth, OID.clientAuth],
  ],
  [
    'certificatePolicies',
    certificatePolicies('2.5.29.32.0', 'http://a/PC%20TEST'),
    '2.5.29.32',
    false,
    '30 2a 30 28 06 04 55 1d 20 00 30 20 30 1e 06 08 2b 06 01 05 05 07 02 01 16 12 687474703a2f2f612f504325323054455354',
    readCertificatePolicies,
    [{ oid: '2.5.29.32.0', cpsUri: 'http://a/PC%20TEST' }],
  ],
  [
    'privateKeyUsagePeriod',
    privateKeyUsagePeriod(at('2016-03-16T09:44:50'), at('2019-03-16T09:44:50')),
    '2.5.29.16',
    false,
    '30 22 80 0f 32303136303331363039343435305a 81 0f 32303139303331363039343435305a',
    readPrivateKeyUsagePeriod,
    { notBefore: at('2016-03-16T09:44:50'), notAfter: at('2019-03-16T09:44:50') },
  ],
  [
    'subjectAltName of a server',
    subjectAltName([{ dns: 'a.fr' }, { dns: 'b.fr' }]),
    '2.5.29.17',
    false,
    '30 0c 82 04 612e6672 82 04 622e6672',
    readSubjectAltName,
    [{ dns: 'a.fr' }, { dns: 'b.fr' }],
  ],
  [
    'subjectAltName with a mailbox',
    subjectAltName([{ rfc822Name: 'a@b.fr' }]),
    '2.5.29.17',
    false,
    '30 08 81 06 614062 2e6672',
    readSubjectAltName,
    [{ rfc822Name: 'a@b.fr' }],
  ],
  [
    'subjectAltName with a UPN',
    subjectAltName([{ upn: '0/é@c' }]),
    '2.5.29.17',
    false,
    '30 18 a0 16 06 0a 2b 06 01 04 01 82 37 14 02 03 a0 08 0c 06 302fc3a94063',
    readSubjectAltName,
    [{ upn: '0/é@c' }],
  ],
  [
    'cRLDistributionPoints',
    cRLDistributionPoints(['http://a', 'ldap://b']),
    '2.5.29.31',
    false,
    '30 20 30 0e a0 0c a0 0a 86 08 687474703a2f2f61 30 0e a0 0c a0 0a 86 08 6c6461703a2f2f62',
    readDistributionPoints,
    ['http://a', 'ldap://b'],
  ],
  [
    'freshestCRL',
    freshestCRL(['ldap://b']),
    '2.5.29.46',
    false,
    '30 10 30 0e a0 0c a0 0a 86 08 6c6461703a2f2f62',
    readDistributionPoints,
    ['ldap://b'],
  ],
  [
    'authorityInfoAccess',
    authorityInfoAccess({ caIssuers: 'http://b', ocsp: 'http://a' }),
    '1.3.6.1.5.5.7.1.1',
    false,
    '30 2c 30 14 06 08 2b 06 01 05 05 07 30 01 86 08 687474703a2f2f61 30 14 06 08 2b 06 01 05 05 07 30 02 86 08 687474703a2f2f62',
    readAuthorityInfoAccess,
    [
      { method: OID.ocsp, uri: 'http://a' },
      { method: OID.caIssuers, uri: 'http://b' },
    ],
  ],
  ['ocspNoCheck', ocspNoCheck(), '1.3.6.1.5.5.7.48.1.5', false, '05 00', toHex, '0500'],
  ['product category', productCategory('83'), '1.2.250.1.71.1.2.5', false, '04 01 83', readProductCategory, '83'],
  ['card type', cardType(2), '1.2.250.1.71.1.2.2', false, '02 01 02', readUnsigned, 2n],
  ['card number', cardNumber('80/28'), '1.2.250.1.71.1.2.3', false, '13 05 38302f3238', readCardNumber, '80/28'],
  ['profession', profession(60), '1.2.250.1.71.1.2.7', false, '02 01 3c', readUnsigned, 60n],
  ['cRLNumber', cRLNumber(255n), '2.5.29.20', false, '02 02 00 ff', readUnsigned, 255n],
];

describe.each(GOLDEN)('%s', (_, extension, oid, critical, value, read, meaning) => {
  it('is exactly these octets', () => {
    expect({ ...extension, value: toHex(extension.value) }).toEqual({ oid, critical, value: toHex(hex(value)) });
  });

  it('is read back', () => {
    expect(read(extension.value)).toEqual(meaning);
  });
});

it('every key usage is the bit that its name has', () => {
  for (const name of KEY_USAGE_NAMES) expect(readKeyUsage(keyUsage([name]).value)).toEqual([name]);
  expect(readKeyUsage(keyUsage(KEY_USAGE_NAMES).value)).toEqual(KEY_USAGE_NAMES);
});

describe('a builder refuses', () => {
  it.each([
    ['a URI that is not ASCII', () => cRLDistributionPoints(['http://é'])],
    ['a DNS name that is not ASCII', () => subjectAltName([{ dns: 'é.fr' }])],
    ['a mailbox with a line feed', () => subjectAltName([{ rfc822Name: 'a\n@b.fr' }])],
    ['a product category of three digits', () => productCategory('083')],
    ['a card number with an underscore', () => cardNumber('80_28')],
  ])('%s', (_, build) => {
    expect(build).toThrow();
  });
});

describe('a value is refused that is', () => {
  it.each([
    ['basicConstraints with cA FALSE written', readBasicConstraints, '30 03 01 01 00'],
    ['basicConstraints with a pathLen alone', readBasicConstraints, '30 03 02 01 00'],
    ['basicConstraints with a negative pathLen', readBasicConstraints, '30 06 01 01 ff 02 01 ff'],
    ['keyUsage with trailing zero bits', readKeyUsage, '03 02 00 a0'],
    ['keyUsage without a bit', readKeyUsage, '03 01 00'],
    ['keyUsage with a tenth bit', readKeyUsage, '03 03 06 00 40'],
    ['extKeyUsage without a purpose', readExtendedKeyUsage, '30 00'],
    ['authorityKeyIdentifier with an issuer', readAuthorityKeyIdentifier, '30 06 80 01 00 82 01 00'],
    [
      'certificatePolicies with a user notice',
      readCertificatePolicies,
      '30 14 30 12 06 02 2a 03 30 0c 30 0a 06 08 2b 06 01 05 05 07 02 02',
    ],
    ['a DistributionPoint with two URIs', readDistributionPoints, '30 0c 30 0a a0 08 a0 06 86 01 61 86 01 62'],
    ['a DistributionPoint with reasons', readDistributionPoints, '30 0d 30 0b a0 05 a0 03 86 01 61 81 02 00 01'],
    ['a URI with a space', readDistributionPoints, '30 0b 30 09 a0 07 a0 05 86 03 61 20 e9'],
    ['a product category of two octets', readProductCategory, '04 02 08 03'],
    ['a profession below zero', readUnsigned, '02 01 ff'],
    ['a card number in UTF-8', readCardNumber, '0c 01 38'],
    ['a privateKeyUsagePeriod without an end', readPrivateKeyUsagePeriod, '30 11 80 0f 32303136303331363039343435305a'],
    ['anything with octets after it', readUnsigned, '02 01 01 00'],
  ])('%s', (_, read, value) => {
    expect(() => read(hex(value))).toThrow(DerError);
  });

  it('and names of other kinds are shown by their tag only', () => {
    expect(readSubjectAltName(hex('30 0a 87 04 7f000001 82 02 6161'))).toEqual([{ other: 0x87 }, { dns: 'aa' }]);
  });
});

describe('a list of extensions', () => {
  const LIST = [keyUsage(['keyCertSign']), basicConstraints(true, 0, true), ocspNoCheck()];

  it('is read back in its order, with critical only where it is true', () => {
    const read = parseExtensions(readDer(encodeExtensions(LIST)));
    expect(read.map(({ oid, critical, value }) => ({ oid, critical, value: toHex(value) }))).toEqual(
      LIST.map(({ oid, critical, value }) => ({ oid, critical, value: toHex(value) })),
    );
    expect([keyUsageOf(read), extendedKeyUsageOf(read), isCa(read)]).toEqual([['keyCertSign'], [], true]);
    expect([keyUsageOf([]), isCa([])]).toEqual([[], false]);
  });

  const oid = objectIdentifier('2.5.29.19');
  const value = octetString(hex('3000'));
  it.each([
    ['empty', sequence()],
    ['with the same extension twice', encodeExtensions([ocspNoCheck(), ocspNoCheck()])],
    ['with critical FALSE written', sequence(sequence(oid, boolean(false), value))],
    ['with a value that is no OCTET STRING', sequence(sequence(oid, hex('3000')))],
    ['with a part too many', sequence(sequence(oid, boolean(true), value, value))],
    ['with an extension that is a SET', sequence(element(0x31, oid, value))],
    ['that is a SET', element(0x31, sequence(oid, value))],
  ])('is refused when %s', (_, der) => {
    expect(() => parseExtensions(readDer(der))).toThrow(DerError);
  });
});
