// Until when a size of RSA key may be certified. A strong key of today may be too short on the last day of its certificate.

import type { KeyAlgorithm } from '../x509/keys.ts';
import { notAllowed } from './key-fault.ts';
import type { Problem } from './problem.ts';

/** RGS B1: 2048 bits until the end of 2030, 3072 beyond. The first moment that is beyond, in UTC. */
const FROM_2031 = new Date('2031-01-01T00:00:00.000Z');

/** The least RSA modulus, in bits, of a certificate that ends then. */
export const leastRsaBits = (notAfter: Date): 2048 | 3072 => (notAfter < FROM_2031 ? 2048 : 3072);

/** What is wrong with a good key for a certificate that ends then: key_not_allowed, or nothing. EC keys have no such end. */
export function keyLifetimeProblems(key: KeyAlgorithm, notAfter: Date): Problem[] {
  const least = leastRsaBits(notAfter);
  if (key.type !== 'rsa' || key.bits >= least) return [];
  const detail = `an RSA key of ${key.bits} bits in a certificate that is valid after 31 December 2030`;
  const { code, finding } = notAllowed(detail, 'use a new key pair: RSA-3072 or longer');
  return [{ code, finding: { ...finding, rule: 'RGS B1: RSA of 3072 bits or more after 2030' } }];
}
