import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkProofOfPossession, parseCsr } from '../../src/x509/csr.ts';
import { readDer, readInteger, TAG } from '../../src/x509/der.ts';
import {
  element,
  explicit,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { ALGORITHMS, admit, buildCsr, type CsrParts, keyPair, spkiOf } from '../helpers/csr.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { octetsOf, power, rsaSpki } from '../helpers/rsa.ts';

const rsa = keyPair('rsa');
const ec = keyPair('P-256');
const codeOf = (parts: CsrParts): string => refusalOf(() => admit(buildCsr(parts))).code;
const hex = (text: string): Uint8Array => Buffer.from(text.replace(/ /g, ''), 'hex');
const algorithm = (oid: string, ...parameters: readonly Uint8Array[]): Uint8Array =>
  sequence(objectIdentifier(oid), ...parameters);

/** RSASSA-PSS-params of one hash for both uses, changed where asked. */
function pss(
  hash: 'sha1' | 'sha256' | 'sha384' | 'sha512',
  changes: { salt?: number; mgf?: string; mgfHash?: string; trailer?: Uint8Array; none?: boolean } = {},
): Uint8Array {
  const {
    salt = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }[hash],
    mgf = '1.2.840.113549.1.1.8',
    mgfHash = OID[hash],
  } = changes;
  const absent = changes.none === true ? [] : [NULL];
  const parameters = sequence(
    explicit(0, algorithm(OID[hash], ...absent)),
    explicit(1, algorithm(mgf, algorithm(mgfHash, ...absent))),
    explicit(2, integer(salt)),
    changes.trailer ?? new Uint8Array(0),
  );
  return algorithm('1.2.840.113549.1.1.10', parameters);
}

const padded = (saltLength: number) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

describe('a request may be signed with', () => {
  it.each<[string, CsrParts]>([
    ['SHA-256 and RSA', { algorithm: algorithm(OID.sha256WithRSAEncryption, NULL) }],
    ['SHA-384 and RSA', { algorithm: algorithm(OID.sha384WithRSAEncryption, NULL), hash: 'sha384' }],
    ['SHA-512 and RSA', { algorithm: algorithm(OID.sha512WithRSAEncryption, NULL), hash: 'sha512' }],
    ['RSA without parameters, as RFC 4055 §5 obliges readers', { algorithm: algorithm(OID.sha256WithRSAEncryption) }],
    ['ECDSA on P-256 with SHA-256', { key: ec }],
    ['ECDSA on P-256 with SHA-512', { key: ec, algorithm: algorithm(OID['ecdsa-with-SHA512']), hash: 'sha512' }],
    [
      'ECDSA on P-384 with SHA-384',
      { key: keyPair('P-384'), algorithm: algorithm(OID['ecdsa-with-SHA384']), hash: 'sha384' },
    ],
    ['PSS with SHA-256', { algorithm: pss('sha256'), padding: padded(32) }],
    ['PSS with SHA-384', { algorithm: pss('sha384'), hash: 'sha384', padding: padded(48) }],
    ['PSS with SHA-512', { algorithm: pss('sha512'), hash: 'sha512', padding: padded(64) }],
    ['PSS with hashes without parameters', { algorithm: pss('sha256', { none: true }), padding: padded(32) }],
  ])('%s', (_name, parts) => {
    expect(() => admit(buildCsr(parts))).not.toThrow();
  });
});

describe('row 5: other algorithms are csr_algorithm_not_allowed:', () => {
  it.each<[string, CsrParts]>([
    ['MD5 with RSA', { algorithm: algorithm('1.2.840.113549.1.1.4', NULL), hash: 'md5' }],
    ['SHA-1 with RSA', { algorithm: algorithm('1.2.840.113549.1.1.5', NULL), hash: 'sha1' }],
    ['SHA-1 with RSA, the old ISO identifier', { algorithm: algorithm('1.3.14.3.2.29', NULL), hash: 'sha1' }],
    ['SHA-224 with RSA', { algorithm: algorithm('1.2.840.113549.1.1.14', NULL) }],
    ['SHA-1 with ECDSA', { key: ec, algorithm: algorithm('1.2.840.10045.4.1'), hash: 'sha1' }],
    ['DSA with SHA-256', { algorithm: algorithm('2.16.840.1.101.3.4.3.2') }],
    ['DSA with SHA-1', { algorithm: algorithm('1.2.840.10040.4.3') }],
    ['Ed25519', { algorithm: algorithm('1.3.101.112') }],
    ['an identifier of a key, not of a signature', { algorithm: algorithm(OID.rsaEncryption, NULL) }],
    ['ECDSA with NULL parameters', { key: ec, algorithm: algorithm(OID['ecdsa-with-SHA256'], NULL) }],
    [
      'ECDSA with a curve as parameters',
      { key: ec, algorithm: algorithm(OID['ecdsa-with-SHA256'], objectIdentifier(OID.secp256r1)) },
    ],
    ['RSA with other parameters', { algorithm: algorithm(OID.sha256WithRSAEncryption, sequence()) }],
    ['RSA for an EC key', { key: ec, algorithm: ALGORITHMS.rsa }],
    ['PSS for an EC key', { key: ec, algorithm: pss('sha256') }],
    ['ECDSA for an RSA key', { algorithm: ALGORITHMS.ec }],
    ['PSS without parameters', { algorithm: algorithm('1.2.840.113549.1.1.10') }],
    ['PSS with the defaults, which are SHA-1', { algorithm: algorithm('1.2.840.113549.1.1.10', sequence()) }],
    ['PSS with SHA-1', { algorithm: pss('sha1') }],
    ['PSS with two hashes', { algorithm: pss('sha256', { mgfHash: OID.sha512 }), padding: padded(32) }],
    ['PSS with another mask function', { algorithm: pss('sha256', { mgf: '1.2.3' }), padding: padded(32) }],
    ['PSS without salt', { algorithm: pss('sha256', { salt: 0 }), padding: padded(0) }],
    ['PSS with the longest salt', { algorithm: pss('sha256', { salt: 222 }), padding: padded(222) }],
    ['PSS with a huge salt', { algorithm: pss('sha256', { salt: 2 ** 31 }) }],
    [
      'PSS with a trailer written out',
      { algorithm: pss('sha256', { trailer: explicit(3, integer(1)) }), padding: padded(32) },
    ],
    [
      'PSS with another trailer',
      { algorithm: pss('sha256', { trailer: explicit(3, integer(2)) }), padding: padded(32) },
    ],
  ])('%s', (_name, parts) => {
    expect(codeOf(parts)).toBe('csr_algorithm_not_allowed');
  });

  it('with a remedy for what openssl does by default with PSS', () => {
    const { findings } = refusalOf(() =>
      parseCsr(buildCsr({ algorithm: pss('sha256', { salt: 222 }), padding: padded(222) })),
    );
    expect(findings[0]?.remedy).toContain('rsa_pss_saltlen:-1');
  });
});

describe('row 4: what does not prove possession is csr_signature_invalid:', () => {
  const other = buildCsr({ subject: sequence() });
  const sequenceOf = (r: bigint | Uint8Array, s: bigint | Uint8Array): Uint8Array =>
    sequence(...[r, s].map((number) => (typeof number === 'bigint' ? integer(number) : number)));
  /** A signature that is right, taken apart and put together otherwise. */
  const ecdsa = (change: (r: bigint, s: bigint, der: Uint8Array) => Uint8Array): CsrParts => ({
    key: ec,
    signature: (info) => {
      const der = sign('sha256', info, ec.privateKey);
      const [r, s] = readDer(der).children.map(readInteger);
      return change(r ?? 0n, s ?? 0n, der);
    },
  });
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const p1363 = (info: Uint8Array): Uint8Array =>
    sign('sha256', info, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
  const signed = (info: Uint8Array): Buffer => sign('sha256', info, rsa.privateKey);
  const long = (der: Uint8Array): Uint8Array => Buffer.concat([hex('3081'), der.subarray(1)]);

  it.each<[string, CsrParts]>([
    ['an empty signature', { signature: new Uint8Array(0) }],
    ['an empty signature of an EC key', { key: ec, signature: new Uint8Array(0) }],
    [
      'a signature of another key',
      { signature: (info) => sign('sha256', info, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey) },
    ],
    [
      'a signature of another EC key',
      {
        key: ec,
        signature: (info) => sign('sha256', info, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
      },
    ],
    ['a signature over other bytes', { signature: parseCsr(other).signature }],
    ['a signature over the info without its identifier', { signature: (info) => signed(info.subarray(4)) }],
    ['a signature over the hash', { signature: (info) => signed(sign('sha256', info, rsa.privateKey)) }],
    ['a signature with another hash', { hash: 'sha512' }],
    ['PKCS #1 where PSS is said', { algorithm: pss('sha256') }],
    ['PSS where PKCS #1 is said', { padding: padded(32) }],
    ['PSS with another salt than it says', { algorithm: pss('sha256'), padding: padded(20) }],
    [
      'an RSA signature with a zero before it',
      { signature: (info) => Buffer.concat([Uint8Array.of(0), signed(info)]) },
    ],
    ['an RSA signature with a zero after it', { signature: (info) => Buffer.concat([signed(info), Uint8Array.of(0)]) }],
    ['an RSA signature one byte short', { signature: (info) => signed(info).subarray(1) }],
    ['an RSA signature of zeros', { signature: new Uint8Array(256) }],
    ['an RSA signature of ones', { signature: new Uint8Array(256).fill(0xff) }],
    ['r = s = 0', ecdsa(() => sequenceOf(0n, 0n))],
    ['r = 0', ecdsa((_r, s) => sequenceOf(0n, s))],
    ['s = 0', ecdsa((r) => sequenceOf(r, 0n))],
    ['r = n', ecdsa((_r, s) => sequenceOf(n, s))],
    ['s = n', ecdsa((r) => sequenceOf(r, n))],
    ['r + n', ecdsa((r, s) => sequenceOf(r + n, s))],
    ['s + n', ecdsa((r, s) => sequenceOf(r, s + n))],
    ['r = s = 1', ecdsa(() => sequenceOf(1n, 1n))],
    ['r = s = n - 1', ecdsa(() => sequenceOf(n - 1n, n - 1n))],
    ['r and s exchanged', ecdsa((r, s) => sequenceOf(s, r))],
    [
      'r - n, which is negative',
      ecdsa((r, s) => sequenceOf(Buffer.concat([hex('0221ff'), octetsOf((1n << 256n) + r - n)]), s)),
    ],
    ['r = -1', ecdsa((_r, s) => sequenceOf(hex('0201ff'), s))],
    ['an r of a thousand bytes', ecdsa((r, s) => sequenceOf(r + (n << 8000n), s))],
    ['BER: a length that is not minimal', ecdsa((_r, _s, der) => long(der))],
    ['BER: indefinite length', ecdsa((_r, _s, der) => Buffer.concat([hex('3080'), der.subarray(2), hex('0000')]))],
    [
      'BER: a needless zero before r',
      ecdsa((r, s) => sequenceOf(element(TAG.INTEGER, hex('00'), readDer(integer(r)).content), s)),
    ],
    ['BER: bytes after the signature', ecdsa((_r, _s, der) => Buffer.concat([der, hex('0500')]))],
    ['BER: bytes after s', ecdsa((r, s) => sequence(integer(r), integer(s), NULL))],
    ['only r', ecdsa((r) => sequence(integer(r)))],
    ['no numbers', ecdsa(() => sequence())],
    ['numbers as OCTET STRINGs', ecdsa((r, s) => sequence(octetString(octetsOf(r)), octetString(octetsOf(s))))],
    ['r and s side by side, without DER', { key: ec, signature: p1363 }],
    ['a SET of r and s', ecdsa((_r, _s, der) => Buffer.concat([hex('31'), der.subarray(1)]))],
  ])('%s', (_name, parts) => {
    expect(codeOf(parts)).toBe('csr_signature_invalid');
  });

  it('with what is wrong where that can be said', () => {
    const detailOf = (signature: Uint8Array): string | undefined =>
      refusalOf(() => admit(buildCsr({ signature }))).findings[0]?.detail;
    expect(detailOf(new Uint8Array(0))).toBe('the signature is empty');
    expect(detailOf(new Uint8Array(255))).toBe('the signature is not as long as the modulus');
    expect(detailOf(new Uint8Array(256))).toContain('not this key');
  });

  it('the key exchanged after signing', () => {
    const mallory = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { signature } = parseCsr(buildCsr());
    expect(codeOf({ spki: spkiOf(mallory), signature })).toBe('csr_signature_invalid');
  });
});

describe('the key policy comes before the signature:', () => {
  const modulus = BigInt(
    `0x${Buffer.from(rsa.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
  );
  /** EMSA-PKCS1-v1_5 of the bytes: with e = 1 it is its own signature. */
  const encoded = (info: Uint8Array): Buffer => {
    const one = power(BigInt(`0x${signedHex(info)}`), 65_537n, modulus);
    return Buffer.from(one.toString(16).padStart(512, '0'), 'hex');
  };
  const signedHex = (info: Uint8Array): string => sign('sha256', info, rsa.privateKey).toString('hex');

  it('e = 1 with a forged proof is key_weak, though OpenSSL finds the proof right', () => {
    const forged = buildCsr({ spki: rsaSpki(modulus, 1n), signature: encoded });
    expect(refusalOf(() => admit(forged)).code).toBe('key_weak');
    // why the order matters: the signature alone would have passed
    expect(() => checkProofOfPossession(parseCsr(forged))).not.toThrow();
  });

  it('e = 3 with a right proof is key_weak', () => {
    const three = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
    expect(codeOf({ key: three })).toBe('key_weak');
  });

  it('RSA-1024 with a right proof is key_weak', () => {
    expect(codeOf({ key: generateKeyPairSync('rsa', { modulusLength: 1024 }) })).toBe('key_weak');
  });

  it('P-521 with a right proof is key_invalid', () => {
    expect(codeOf({ key: generateKeyPairSync('ec', { namedCurve: 'P-521' }) })).toBe('key_invalid');
  });

  it('explicit parameters with a right proof are key_invalid', () => {
    expect(codeOf({ key: generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }) })).toBe(
      'key_invalid',
    );
  });

  it('a key that nobody can read proves nothing, were the policy left out', () => {
    const csr = parseCsr(buildCsr({ spki: sequence(NULL) }));
    expect(refusalOf(() => checkProofOfPossession(csr)).code).toBe('csr_algorithm_not_allowed');
  });
});
