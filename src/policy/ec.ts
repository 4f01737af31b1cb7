// Points of the two NIST curves: whether the octets of a public key are a point that a key can be.
import type { Curve } from '../x509/keys.ts';
import { invalid, type KeyFault, type KeyWork } from './key-fault.ts';

/** y² = x³ - 3x + b modulo p, and the octets of a coordinate (FIPS 186-4 §D.1.2 Curves over Prime Fields). */
const EQUATIONS: Record<Curve, { readonly p: bigint; readonly b: bigint; readonly octets: number }> = {
  'P-256': {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    octets: 32,
  },
  'P-384': {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    octets: 48,
  },
};

const RULE = 'RFC 5480 §2.2 Subject Public Key';

/**
 * What is wrong with the octets of an EC public key: only 04 ‖ x ‖ y with x, y < p on the curve is right
 * (NIST SP 800-56A §5.6.2.3.4 ECC Partial Public-Key Validation Routine; both curves have cofactor 1, so that is enough).
 */
export function checkPoint(curve: Curve, point: Uint8Array, work: KeyWork): KeyFault[] {
  const { p, b, octets } = EQUATIONS[curve];
  const [form] = point;
  if (form === 0x00) return [invalid(RULE, 'the point at infinity is no public key')];
  if (form === 0x02 || form === 0x03) {
    return [invalid(RULE, 'the point is compressed', 'write the point uncompressed: 04, x, y')];
  }
  if (form !== 0x04 || point.length !== 1 + 2 * octets) {
    return [invalid(RULE, `a point of ${curve} is 04 and two coordinates of ${octets} octets`)];
  }
  work.steps += 1;
  const x = coordinate(point.subarray(1, 1 + octets));
  const y = coordinate(point.subarray(1 + octets));
  if (x >= p || y >= p) return [invalid(RULE, 'a coordinate is not below the prime of the curve')];
  if ((y * y - (x * x * x - 3n * x + b)) % p !== 0n) return [invalid(RULE, `the point is not on ${curve}`)];
  return [];
}

const coordinate = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex')}`);
