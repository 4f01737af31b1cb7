import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DerError } from '../../src/x509/der.ts';
import { element, explicit, integer, NULL, objectIdentifier, sequence } from '../../src/x509/der-writer.ts';
import {
  buildEcSpki,
  buildRsaSpki,
  keyAlgorithmOf,
  keyDigest,
  keyIdentifier,
  parseRsaPublicKey,
  parseSpki,
  subjectPublicKeyBits,
} from '../../src/x509/keys.ts';
import { OID } from '../../src/x509/oids.ts';
import { hex, toHex } from './branch.ts';
import { judge } from './judges.ts';

const octets = (base64url: string | undefined): Uint8Array => Buffer.from(base64url ?? '', 'base64url');

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const rsaSpki = new Uint8Array(rsa.export({ format: 'der', type: 'spki' }));
const ec = (['P-256', 'P-384'] as const).map((curve) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Uint8Array.of(4), octets(x), octets(y)]);
  return { curve, point, spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })) };
});

describe('a public key', () => {
  it('of RSA is written as OpenSSL writes it, and taken apart again', () => {
    const { n, e } = rsa.export({ format: 'jwk' });
    expect(toHex(buildRsaSpki(octets(n), octets(e)))).toBe(toHex(rsaSpki));
    const { modulus, exponent } = parseRsaPublicKey(subjectPublicKeyBits(rsaSpki));
    expect([modulus, exponent]).toEqual([BigInt(`0x${toHex(octets(n))}`), 65537n]);
    expect(keyAlgorithmOf(rsaSpki)).toEqual({ type: 'rsa', bits: 2048 });
  });

  it.each(ec)('on $curve is written as OpenSSL writes it, and recognised', ({ curve, point, spki }) => {
    expect(toHex(buildEcSpki(curve, point))).toBe(toHex(spki));
    expect(keyAlgorithmOf(spki)).toEqual({ type: 'ec', curve });
    expect(toHex(subjectPublicKeyBits(spki))).toBe(toHex(point));
  });

  it('of RSA is found again by its modulus, whatever exponent it comes with', () => {
    const { modulus } = parseRsaPublicKey(subjectPublicKeyBits(rsaSpki));
    const octetsOf = (value: bigint): Uint8Array => Buffer.from(value.toString(16), 'hex');
    const twin = buildRsaSpki(octetsOf(modulus), Uint8Array.of(1, 0, 3));
    expect(toHex(keyDigest(twin))).toBe(toHex(keyDigest(rsaSpki)));
    const other = buildRsaSpki(octetsOf(modulus + 2n), Uint8Array.of(1, 0, 1));
    expect(toHex(keyDigest(other))).not.toBe(toHex(keyDigest(rsaSpki)));
  });

  it.each(ec)(
    'on $curve is found again by its x, because the opposite point has a private key derived from its own',
    ({ curve, point, spki }) => {
      const half = 1 + (point.length - 1) / 2;
      const opposite = Uint8Array.from(point);
      opposite[point.length - 1] = (opposite[point.length - 1] ?? 0) ^ 1;
      expect(toHex(keyDigest(buildEcSpki(curve, opposite)))).toBe(toHex(keyDigest(spki)));
      const other = Uint8Array.from(point);
      other[half - 1] = (other[half - 1] ?? 0) ^ 1;
      expect(toHex(keyDigest(buildEcSpki(curve, other)))).not.toBe(toHex(keyDigest(spki)));
    },
  );

  it('is named by SHA-1 of its bits', () => {
    const parsed = judge('openssl', { 'key.der': rsaSpki }, 'asn1parse', '-inform', 'DER', '-in', 'key.der');
    const at = /^ *(\d+):.*hl=(\d+) l= *(\d+).*BIT STRING/m.exec(parsed)?.slice(1).map(Number) ?? [];
    const [offset = 0, header = 0, length = 0] = at;
    const bits = rsaSpki.subarray(offset + header + 1, offset + header + length);
    expect(toHex(keyIdentifier(rsaSpki))).toBe(createHash('sha1').update(bits).digest('hex'));
  });

  it('of another kind is not recognised', () => {
    const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
    const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey.export({ format: 'der', type: 'spki' });
    expect([keyAlgorithmOf(ed25519), keyAlgorithmOf(p521)]).toEqual([undefined, undefined]);
  });

  const p256 = sequence(objectIdentifier(OID.ecPublicKey), objectIdentifier(OID.secp256r1));
  it.each([
    ['a compressed point', sequence(p256, element(3, hex(`00 02 ${'11'.repeat(32)}`)))],
    [
      'an RSA key without NULL',
      sequence(sequence(objectIdentifier(OID.rsaEncryption)), element(3, hex('00 3006020103020103'))),
    ],
    [
      'explicit curve parameters',
      sequence(sequence(objectIdentifier(OID.ecPublicKey), sequence(integer(1))), element(3, hex('00 04'))),
    ],
  ])('with %s is not recognised', (_, spki) => {
    expect(keyAlgorithmOf(spki)).toBeUndefined();
  });

  it.each([
    ['bits that are not whole octets', sequence(p256, element(3, hex('04 10')))],
    ['a key that is no BIT STRING', sequence(p256, NULL)],
    ['a part too many', sequence(p256, element(3, hex('00 04')), NULL)],
    ['an algorithm that is no SEQUENCE', sequence(explicit(0), element(3, hex('00 04')))],
    ['an algorithm without an OID', sequence(sequence(), element(3, hex('00 04')))],
  ])('with %s is not DER of a key', (_, spki) => {
    expect(() => parseSpki(spki)).toThrow(DerError);
  });

  it.each([
    ['a modulus of zero', sequence(integer(0), integer(3))],
    ['a negative exponent', sequence(integer(15), hex('0201ff'))],
    ['three numbers', sequence(integer(15), integer(3), integer(1))],
  ])('with %s is no RSA key', (_, key) => {
    expect(() => parseRsaPublicKey(key)).toThrow(DerError);
  });

  it('with a point of the wrong size is not built', () => {
    expect(() => buildEcSpki('P-384', new Uint8Array(65))).toThrow(TypeError);
  });
});
