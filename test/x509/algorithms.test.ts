import { constants, createSign, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  parseSignatureAlgorithm,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  signatureAlgorithmFor,
  signatureAlgorithmIdentifier,
  verifySignature,
} from '../../src/x509/algorithms.ts';
import { DerError, readDer, readInteger } from '../../src/x509/der.ts';
import { integer, NULL, objectIdentifier, sequence } from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { hex, type Key, newKey, toHex } from './branch.ts';

const DATA = Buffer.from('to be signed');
const KEYS = { rsa: newKey('rsa'), 'P-256': newKey('P-256'), 'P-384': newKey('P-384') };
const N_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

describe('an algorithm identifier', () => {
  it.each([
    ['sha256WithRSAEncryption', '30 0d 06 09 2a 86 48 86 f7 0d 01 01 0b 05 00'],
    ['sha384WithRSAEncryption', '30 0d 06 09 2a 86 48 86 f7 0d 01 01 0c 05 00'],
    ['sha512WithRSAEncryption', '30 0d 06 09 2a 86 48 86 f7 0d 01 01 0d 05 00'],
    ['ecdsa-with-SHA256', '30 0a 06 08 2a 86 48 ce 3d 04 03 02'],
    ['ecdsa-with-SHA384', '30 0a 06 08 2a 86 48 ce 3d 04 03 03'],
    ['ecdsa-with-SHA512', '30 0a 06 08 2a 86 48 ce 3d 04 03 04'],
  ] satisfies [SignatureAlgorithm, string][])('of %s is exactly these octets', (name, der) => {
    expect(toHex(signatureAlgorithmIdentifier(name))).toBe(toHex(hex(der)));
    expect(parseSignatureAlgorithm(hex(der))).toBe(name);
  });

  it.each([
    ['ECDSA with NULL', sequence(objectIdentifier(OID['ecdsa-with-SHA256']), NULL)],
    ['RSA with another parameter', sequence(objectIdentifier(OID.sha256WithRSAEncryption), integer(1))],
    ['SHA-1 with RSA', sequence(objectIdentifier('1.2.840.113549.1.1.5'), NULL)],
    ['MD5 with RSA', sequence(objectIdentifier('1.2.840.113549.1.1.4'), NULL)],
    ['RSASSA-PSS', sequence(objectIdentifier('1.2.840.113549.1.1.10'), sequence())],
    ['Ed25519', sequence(objectIdentifier('1.3.101.112'))],
  ])('of %s is none of ours', (_, der) => {
    expect(parseSignatureAlgorithm(der)).toBeUndefined();
  });

  it('of RSA without parameters is understood, as RFC 4055 demands', () => {
    expect(parseSignatureAlgorithm(sequence(objectIdentifier(OID.sha256WithRSAEncryption)))).toBe(
      'sha256WithRSAEncryption',
    );
  });

  it.each([
    ['empty', sequence()],
    ['of three parts', sequence(objectIdentifier('1.2'), NULL, NULL)],
    ['an OID alone', objectIdentifier('1.2')],
  ])('that is %s is not DER of an identifier', (_, der) => {
    expect(() => parseSignatureAlgorithm(der)).toThrow(DerError);
  });
});

describe('a key signs with', () => {
  it.each([
    ['rsa', 'sha256WithRSAEncryption'],
    ['P-256', 'ecdsa-with-SHA256'],
    ['P-384', 'ecdsa-with-SHA384'],
  ] as const)('%s: %s, and its signature is believed', (kind, name) => {
    const { spki, ...key } = KEYS[kind];
    expect(signatureAlgorithmFor(spki)).toBe(name);
    expect(verifySignature(name, spki, DATA, key.sign(DATA))).toBe(true);
  });

  it('nothing that we know, when it is of another kind', () => {
    expect(() =>
      signatureAlgorithmFor(sequence(sequence(objectIdentifier('1.3.101.112')), hex('03 02 00 00'))),
    ).toThrow(TypeError);
  });

  it('any hash of its family', () => {
    for (const name of Object.keys(SIGNATURE_ALGORITHMS) as SignatureAlgorithm[]) {
      const { key, hash } = SIGNATURE_ALGORITHMS[name];
      const { spki, privateKey } = KEYS[key === 'rsa' ? 'rsa' : 'P-256'];
      expect(verifySignature(name, spki, DATA, sign(hash, DATA, privateKey))).toBe(true);
    }
  });
});

describe('a signature is not believed', () => {
  const { rsa, 'P-256': p256, 'P-384': p384 } = KEYS;
  const good = p256.sign(DATA);
  const [r = 0n, s = 0n] = readDer(good).children.map(readInteger);
  const raw = createSign('sha256').update(DATA).sign({ key: p256.privateKey, dsaEncoding: 'ieee-p1363' });
  const pss = sign('sha256', DATA, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING });
  const [rs, ss] = readDer(good).children.map(({ bytes }) => bytes);
  const long = (der: Uint8Array): Uint8Array =>
    Buffer.concat([der.subarray(0, 1), Uint8Array.of(0x81), der.subarray(1)]);
  const ecdsa = (signature: Uint8Array, key: Key = p256): boolean =>
    verifySignature('ecdsa-with-SHA256', key.spki, DATA, signature);

  it('over other data, of another key, or under another algorithm', () => {
    expect(ecdsa(good)).toBe(true);
    expect(verifySignature('ecdsa-with-SHA256', p256.spki, Buffer.from('other'), good)).toBe(false);
    expect(ecdsa(good, newKey('P-256'))).toBe(false);
    expect(verifySignature('ecdsa-with-SHA384', p256.spki, DATA, good)).toBe(false);
    expect(verifySignature('sha256WithRSAEncryption', p256.spki, DATA, good)).toBe(false);
    expect(verifySignature('ecdsa-with-SHA256', rsa.spki, DATA, rsa.sign(DATA))).toBe(false);
    expect(verifySignature('ecdsa-with-SHA256', p384.spki, DATA, good)).toBe(false);
  });

  it.each([
    ['r = s = 0', sequence(integer(0), integer(0))],
    ['r = 0', sequence(integer(0), integer(s))],
    ['s = n', sequence(integer(r), integer(N_P256))],
    ['s + n', sequence(integer(r), integer(s + N_P256))],
    ['a negative s', sequence(integer(r), hex('0201ff'))],
    ['three numbers', sequence(integer(r), integer(s), integer(1))],
    ['one number', sequence(integer(r))],
    ['a length in two octets', long(good)],
    ['r with a leading zero', sequence(Buffer.concat([hex('0222 0000'), (rs ?? good).subarray(-32)]), ss ?? good)],
    ['octets after it', Buffer.concat([good, Uint8Array.of(0)])],
    ['r and s side by side', raw],
    ['nothing', new Uint8Array()],
  ])('of ECDSA with %s', (_, signature) => {
    expect(ecdsa(signature)).toBe(false);
  });

  it.each([
    ['that is RSASSA-PSS', pss],
    ['that is cut off', rsa.sign(DATA).subarray(0, 255)],
    ['with a zero before it', Buffer.concat([Uint8Array.of(0), rsa.sign(DATA)])],
    ['of zeros', new Uint8Array(256)],
  ])('of RSA %s', (_, signature) => {
    expect(verifySignature('sha256WithRSAEncryption', rsa.spki, DATA, signature)).toBe(false);
  });

  it.each([
    ['that is not DER', hex('ff')],
    ['that is empty', new Uint8Array()],
    [
      'on no curve',
      sequence(
        sequence(objectIdentifier(OID.ecPublicKey), objectIdentifier(OID.secp256r1)),
        hex(`03 42 00 04 ${'01'.repeat(64)}`),
      ),
    ],
  ])('of a key %s, and nothing is thrown', (_, spki) => {
    expect(verifySignature('ecdsa-with-SHA256', spki, DATA, good)).toBe(false);
  });
});
