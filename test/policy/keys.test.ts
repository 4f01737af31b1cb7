import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KeyWork } from '../../src/policy/key-fault.ts';
import { checkKey, type KeyPolicy } from '../../src/policy/keys.ts';
import { bitString, integer, NULL, objectIdentifier, octetString, sequence } from '../../src/x509/der-writer.ts';
import { buildEcSpki, subjectPublicKeyBits } from '../../src/x509/keys.ts';
import { OID } from '../../src/x509/oids.ts';
import { detailsOf, refusalOf } from '../helpers/refusal.ts';
import { numberOf, octetsOf, power, primeFrom, rocaPrime, rsaSpki } from '../helpers/rsa.ts';

const ALL: KeyPolicy = { rsa: { sizes: [2048, 3072, 4096] }, ec: { curves: ['P-256', 'P-384'] } };
const codeOf = (spki: Uint8Array, allowed = ALL): string => refusalOf(() => checkKey(spki, allowed)).code;
const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

const p = primeFrom(numberOf('p', 1024));
const q = primeFrom(numberOf('q', 1024));
/** 2032 bits without a small factor. */
const rough = primeFrom(numberOf('r', 1016)) * primeFrom(numberOf('s', 1016));

const RSA_3072 = `-----BEGIN PUBLIC KEY-----
MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEA1PSYQDaOFLD0/8QKcmw/
c5BLDrnGSjXoORNmbzMNcUQJqXxIxccwVBu6z4FwNXG4H9WPxXnBxN9ZxY+uDcbT
vSRXUl2wJNTAGinEc4hHnprMhX2he+hCi90PipU2uWFg3SjGm5win2Ra0Cxdowjf
iFHQ1dhMTi09aZsVIcgkdkrrHh8OBuUBO5cQ3CrBuUF45oPazFCLtLBYMy5EJwY+
MHJEtO5SDkdXl3bJDs99yYWzHyAl4Dhho9w98zWWdfTI1t+/pWMfgZmyhYJu6xoI
C8bxTqUT2JBfkxBy4L8E5Ao6Oz17Eh6mVSgtVv9QNqtwQaKf9wl70RxNYppq/6KD
c/ORvxIczqZipLaBIqh+/uHYC7RGoXKOX46Bkyc7pR44WmB/CbmTVSdxBnFETIRi
HjYci+oIwsUFQ8rF1wsCIJVFeKJ+KL1VG1hChKRPtxeT+Cef3YmWlI5IhBZQ0i1N
EqxCeCdx2KTBr82DmrFvNT0CyPb4Enxa5Lhi2Rt2tPgfAgMBAAE=
-----END PUBLIC KEY-----`;

const RSA_4096 = `-----BEGIN PUBLIC KEY-----
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA0ii74F3jTLj8AO0sz+SD
Vi31/rjU0M/G0574RLoqkfFh/NOvClpI9b81nUfxI2IIINizpSdUxeIXNAH9cufV
VJbeMTN/lZHTR7huvmgfO9o5ZKULlivZhKuyTIkbIcSXHETs//0Yov9jOF2YphEq
LCJW23RqNyHFBL8ogjVsrGouR02maf1gc6eelg+N2OWOuob6VAa2ZL3/dGdFZ0s6
DAcya0/o2YrZfPOZSVJl5LAAvvc4McS/VsW3pkxynxcIKQX2IyhQcbbQScExeZvY
pCdWRg0bWboZBgmljQvTnXr/yo2ycNYcdgQ8N56Xvtvd511hksMMpv3doAqDCvJw
wLhCTQgz3zuvZKa99dDnpT1br0ubw7NCo3k4n4YAV1SHpCKVHgsloNLrAQIAdEWl
Y3IYiVnmcMpfry9MUFRjfSTIHxMaDVkvVqerhy4CpS0zGGIBgGhR6Ub+BvdOkaoF
xeoN8bVmV8nYKRS0xT7wjj7S/Ln7WdNveZ2l47QS/hGEiftf7AimAWpri4F2E68Y
fp37Q4Cqsf7Wz80tV0vkJMS8ueSqzZWhveiHYFvMH70NHNA+nd73CqhenE6Bt1I6
iB/LIySIREaNJicEvSt97ZTfWABLwvKdwB5hX+3R0qtGd5E0jxIFce/veoOtALFr
3WjhopkoyLhsnDqePrKu8QMCAwEAAQ==
-----END PUBLIC KEY-----`;

describe('a good key is what it is', () => {
  it.each([
    ['RSA-2048', rsaSpki(p * q), { type: 'rsa', bits: 2048 }],
    ['RSA-3072 of openssl', spkiOf(createPublicKey(RSA_3072)), { type: 'rsa', bits: 3072 }],
    ['RSA-4096 of openssl', spkiOf(createPublicKey(RSA_4096)), { type: 'rsa', bits: 4096 }],
    ['RSA with an exponent of 64 bits', rsaSpki(p * q, 2n ** 64n - 59n), { type: 'rsa', bits: 2048 }],
    ['P-256', spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey), { type: 'ec', curve: 'P-256' }],
    ['P-384', spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), { type: 'ec', curve: 'P-384' }],
  ])('%s', (_name, spki, algorithm) => {
    expect(checkKey(spki, ALL)).toEqual(algorithm);
  });
});

describe('a weak RSA key is refused as key_weak:', () => {
  const close = (distance: bigint): bigint => {
    const first = primeFrom(numberOf('close', 1024));
    return first * primeFrom(first + distance * 2n ** 512n + 2n);
  };
  it.each<[string, bigint, bigint, string]>([
    ['1024 bits', numberOf('short', 1024), 65_537n, 'an RSA modulus of 1024 bits is too short: 2048 at least'],
    ['2040 bits', numberOf('short', 2040), 65_537n, 'an RSA modulus of 2040 bits is too short: 2048 at least'],
    ['2047 bits', (p * q) >> 1n, 65_537n, 'the bits of an RSA modulus, 2047, are divisible by 8'],
    ['2049 bits', (p * q) << 1n, 65_537n, 'the bits of an RSA modulus, 2049, are divisible by 8'],
    ['e = 1', p * q, 1n, 'the public exponent is 1: a signature proves nothing'],
    ['e = 2', p * q, 2n, 'the public exponent is even'],
    ['e = 3', p * q, 3n, 'the public exponent is below 65537'],
    ['e = 65535', p * q, 65_535n, 'the public exponent is below 65537'],
    ['e = 65538', p * q, 65_538n, 'the public exponent is even'],
    ['e above 64 bits', p * q, 2n ** 64n + 13n, 'the public exponent is huge: 64 bits at most'],
    ['e as long as the modulus', p * q, p * q - 2n, 'the public exponent is huge: 64 bits at most'],
    ['an even modulus', 2n * rough, 65_537n, 'the modulus is even'],
    ['a factor of 3', 3n * rough, 65_537n, 'the modulus has a prime factor below 65536'],
    ['a factor of 65521', 65_521n * rough, 65_537n, 'the modulus has a prime factor below 65536'],
    ['the ROCA form', rocaPrime(5n) * rocaPrime(7_000_001n), 65_537n, 'the modulus has the ROCA fingerprint'],
    [
      'neighbouring primes',
      p * primeFrom(p + 2n),
      65_537n,
      'the two primes of the modulus are too close to each other',
    ],
    [
      'primes found in the last rounds',
      close(20n),
      65_537n,
      'the two primes of the modulus are too close to each other',
    ],
    ['one prime twice', p * p, 65_537n, 'the two primes of the modulus are too close to each other'],
  ])('%s', (_name, modulus, exponent, detail) => {
    const refusal = refusalOf(() => checkKey(rsaSpki(modulus, exponent), ALL));
    expect(refusal.code).toBe('key_weak');
    expect(refusal.findings.map((finding) => finding.detail)).toContain(detail);
    expect(refusal.findings.every((finding) => finding.remedy !== undefined && finding.rule !== '')).toBe(true);
  });

  it('one good modulus between them: primes so far apart that a hundred rounds do not find them', () => {
    expect(checkKey(rsaSpki(close(60n)), ALL)).toEqual({ type: 'rsa', bits: 2048 });
  });

  it('every fault of one key at once', () => {
    expect(detailsOf(() => checkKey(rsaSpki(30n * numberOf('many', 1000), 2n), ALL))).toEqual([
      'an RSA key of 1005 bits',
      'an RSA modulus of 1005 bits is too short: 2048 at least',
      'the bits of an RSA modulus, 1005, are divisible by 8',
      'the public exponent is even',
      'the public exponent is below 65537',
      'the modulus is even',
      'the modulus has a prime factor below 65536',
    ]);
  });
});

describe('an EC key that is no key is refused as key_invalid:', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const good = subjectPublicKeyBits(spkiOf(publicKey));
  const x = good.subarray(1, 33);
  const y = good.subarray(33);
  const changed = Uint8Array.from(good);
  changed[64] = (changed[64] ?? 0) ^ 1;
  const ec = (parameters: Uint8Array, point: Uint8Array): Uint8Array =>
    sequence(sequence(objectIdentifier(OID.ecPublicKey), parameters), bitString(point));
  const p256 = objectIdentifier(OID.secp256r1);
  const other = (namedCurve: string): Buffer => spkiOf(generateKeyPairSync('ec', { namedCurve }).publicKey);

  it.each<[string, Uint8Array, string]>([
    ['off the curve', buildEcSpki('P-256', changed), 'the point is not on P-256'],
    ['the point (0, 0)', ec(p256, Buffer.concat([Uint8Array.of(4), new Uint8Array(64)])), 'the point is not on P-256'],
    ['at infinity', ec(p256, Uint8Array.of(0)), 'the point at infinity is no public key'],
    ['at infinity, padded', ec(p256, new Uint8Array(65)), 'the point at infinity is no public key'],
    ['without a point', ec(p256, new Uint8Array(0)), 'a point of P-256 is 04 and two coordinates of 32 octets'],
    ['compressed', ec(p256, Buffer.concat([Uint8Array.of(2 + ((y[31] ?? 0) & 1)), x])), 'the point is compressed'],
    [
      'hybrid',
      ec(p256, Buffer.concat([Uint8Array.of(6 + ((y[31] ?? 0) & 1)), x, y])),
      'a point of P-256 is 04 and two coordinates of 32 octets',
    ],
    ['one octet short', ec(p256, good.subarray(0, 64)), 'a point of P-256 is 04 and two coordinates of 32 octets'],
    [
      'one octet long',
      ec(p256, Buffer.concat([good, good.subarray(0, 1)])),
      'a point of P-256 is 04 and two coordinates of 32 octets',
    ],
    [
      'a point of the other curve',
      ec(objectIdentifier(OID.secp384r1), good),
      'a point of P-384 is 04 and two coordinates of 48 octets',
    ],
    ['a coordinate not reduced', ec(p256, unreduced()), 'a coordinate is not below the prime of the curve'],
    [
      'explicit parameters',
      spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey),
      'the curve is named, neither described nor implied',
    ],
    ['implied parameters', ec(NULL, good), 'the curve is named, neither described nor implied'],
    ['no parameters', ec(new Uint8Array(0), good), 'the curve is named, neither described nor implied'],
    ['P-521', other('P-521'), 'the profile does not have the curve 1.3.132.0.35'],
    ['secp256k1', other('secp256k1'), 'the profile does not have the curve 1.3.132.0.10'],
    ['brainpoolP256r1', other('brainpoolP256r1'), 'the profile does not have the curve 1.3.36.3.3.2.8.1.1.7'],
  ])('%s', (_name, spki, detail) => {
    const refusal = refusalOf(() => checkKey(spki, ALL));
    expect(refusal.code).toBe('key_invalid');
    expect(refusal.findings.map((finding) => finding.detail)).toContain(detail);
  });

  it('a curve that this profile has not', () => {
    const only256: KeyPolicy = { ec: { curves: ['P-256'] } };
    expect(codeOf(other('P-384'), only256)).toBe('key_invalid');
    expect(detailsOf(() => checkKey(other('P-384'), { rsa: { sizes: [2048] } }))).toEqual([
      'the profile does not have the curve P-384',
    ]);
  });

  /** A point of P-256 whose x fits 32 octets also as x + p: it would be a second writing of the same key. */
  function unreduced(): Uint8Array {
    const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
    for (let small = 1n; ; small += 1n) {
      const square = (small ** 3n - 3n * small + b) % prime;
      const root = power(square, (prime + 1n) / 4n, prime);
      if ((root * root) % prime !== square) continue;
      const padded = Buffer.alloc(32);
      octetsOf(root).forEach((octet, index, all) => {
        padded[32 - all.length + index] = octet;
      });
      return Buffer.concat([Uint8Array.of(4), octetsOf(small + prime), padded]);
    }
  }
});

describe('a SubjectPublicKeyInfo that is not one is refused as key_invalid:', () => {
  const rsa = (key: Uint8Array, parameters = NULL): Uint8Array =>
    sequence(sequence(objectIdentifier(OID.rsaEncryption), parameters), bitString(key));
  const n = integer(p * q);
  const e = integer(65_537);

  it.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['trailing octets', Buffer.concat([rsaSpki(p * q), Uint8Array.of(0)])],
    ['trailing octets inside the BIT STRING', rsa(Buffer.concat([sequence(n, e), Uint8Array.of(5, 0)]))],
    ['RSA without parameters', rsa(sequence(n, e), new Uint8Array(0))],
    ['RSA with other parameters', rsa(sequence(n, e), sequence())],
    ['RSA with two parameters', rsa(sequence(n, e), Buffer.concat([NULL, NULL]))],
    ['RSA with a third number', rsa(sequence(n, e, e))],
    ['RSA without an exponent', rsa(sequence(n))],
    ['a negative modulus', rsa(sequence(Buffer.from(`02820100ff7f${'00'.repeat(254)}`, 'hex'), e))],
    ['a modulus of 0', rsa(sequence(integer(0), e))],
    ['an exponent of 0', rsa(sequence(n, integer(0)))],
    ['an exponent not in its shortest form', rsa(sequence(n, Buffer.from('020400010001', 'hex')))],
    ['octets that are no key', rsa(octetString(new Uint8Array(8)))],
    [
      'a BIT STRING with unused bits',
      sequence(sequence(objectIdentifier(OID.rsaEncryption), NULL), Buffer.from('03020100', 'hex')),
    ],
  ])('%s', (_name, spki) => {
    expect(codeOf(spki)).toBe('key_invalid');
  });

  it('at every offset where it can be cut', () => {
    const whole = rsaSpki(p * q);
    for (let length = 0; length < whole.length; length += 1)
      expect(codeOf(whole.subarray(0, length))).toBe('key_invalid');
  });
});

describe('a good key of another kind is refused as key_not_allowed:', () => {
  it.each<[string, Uint8Array]>([
    ['Ed25519', spkiOf(generateKeyPairSync('ed25519').publicKey)],
    ['X25519', spkiOf(generateKeyPairSync('x25519').publicKey)],
    ['RSA for PSS alone', sequence(sequence(objectIdentifier('1.2.840.113549.1.1.10')), bitString(sequence()))],
    ['DSA', sequence(sequence(objectIdentifier('1.2.840.10040.4.1'), sequence()), bitString(integer(5)))],
  ])('%s', (_name, spki) => {
    expect(codeOf(spki)).toBe('key_not_allowed');
  });

  it('an RSA size or type that this profile has not, with what it has as the remedy', () => {
    const refusal = refusalOf(() => checkKey(spkiOf(createPublicKey(RSA_3072)), { rsa: { sizes: [2048, 4096] } }));
    expect(refusal.code).toBe('key_not_allowed');
    expect(refusal.findings[0]?.remedy).toBe('use a new key pair: RSA of 2048 or 4096 bits');
    expect(codeOf(rsaSpki(p * q), { ec: { curves: ['P-256'] } })).toBe('key_not_allowed');
  });

  it('a modulus beyond 8192 bits, before anything is computed with it', () => {
    const work: KeyWork = { steps: 0 };
    const refusal = refusalOf(() => checkKey(rsaSpki(2n ** 60_000n + 1n, 3n), { rsa: { sizes: [60_001] } }, work));
    expect(refusal.code).toBe('key_not_allowed');
    expect(work.steps).toBe(0);
  });
});

describe('the work is bounded whatever the sender chooses:', () => {
  // Euclid: 1.45 steps a bit; Fermat: 100 rounds, each with at most one square root of log2(bits) + 3 steps; ROCA and roots: 20
  const bound = (bits: number): number => Math.ceil(1.45 * bits) + 100 * (1 + Math.log2(bits) + 3) + 20;

  it.each<[string, bigint]>([
    ['an honest modulus', p * q],
    ['a square', p * p],
    ['2^8192 - 1', 2n ** 8192n - 1n],
    ['2^8191 + 1', 2n ** 8191n + 1n],
    ['one above a square', (2n ** 4095n + 1n) ** 2n + 1n],
    ['one below a square', (2n ** 4095n + 1n) ** 2n - 1n],
    ['8192 bits without a pattern', numberOf('large', 8192)],
    ['consecutive Fibonacci numbers have the longest chains', fibonacci(11_790)],
    ['1', 1n],
    ['2', 2n],
  ])('%s', (_name, modulus) => {
    const work: KeyWork = { steps: 0 };
    try {
      checkKey(rsaSpki(modulus), ALL, work);
    } catch {
      // refused or not, the work is what counts here
    }
    const bits = modulus.toString(2).length;
    expect(work.steps).toBeGreaterThan(0);
    expect(work.steps).toBeLessThanOrEqual(bound(bits));
  });

  function fibonacci(index: number): bigint {
    let [a, b] = [0n, 1n];
    for (let step = 0; step < index; step += 1) [a, b] = [b, a + b];
    return a;
  }
});
