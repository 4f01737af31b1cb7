// Two tables that are computed, not copied: the product of all small odd primes, and the remainders that moduli of the
// Infineon library (ROCA) leave.
import type { KeyWork } from './key-fault.ts';

function primesBelow(limit: number): number[] {
  const composite = new Uint8Array(limit);
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate += 1) {
    if (composite[candidate] === 1) continue;
    primes.push(candidate);
    for (let multiple = candidate * candidate; multiple < limit; multiple += candidate) composite[multiple] = 1;
  }
  return primes;
}

/** By halves, so that the factors stay of like size. */
function product(factors: readonly number[]): bigint {
  const [only] = factors;
  if (only !== undefined && factors.length === 1) return BigInt(only);
  const middle = factors.length >> 1;
  return product(factors.slice(0, middle)) * product(factors.slice(middle));
}

const ODD_PRIMES = primesBelow(65_536).slice(1);

/** The odd primes below 65536, multiplied: about 94,000 bits. */
export const SMALL_PRIMES_PRODUCT = product(ODD_PRIMES);

/** The primes that divide the constant of every affected key size (Nemec et al., The Return of Coppersmith's Attack, §2.1). */
const ROCA_PRIMES = ODD_PRIMES.filter((prime) => prime <= 167);
const ROCA_PRODUCT = product(ROCA_PRIMES);

/** The powers of 65537 by prime: both primes of an affected modulus are such powers, and so is their product. */
const ROCA_REMAINDERS: readonly (readonly [bigint, ReadonlySet<bigint>])[] = ROCA_PRIMES.map((prime) => {
  const powers = new Set<bigint>();
  for (let power = 1; !powers.has(BigInt(power)); power = (power * 65_537) % prime) powers.add(BigInt(power));
  return [BigInt(prime), powers];
});

/** Whether the modulus is a power of 65537 modulo each of these primes: chance does that to one modulus in 2^27. */
export function hasRocaFingerprint(modulus: bigint, work: KeyWork): boolean {
  work.steps += 1;
  const remainder = modulus % ROCA_PRODUCT;
  return ROCA_REMAINDERS.every(([prime, powers]) => powers.has(remainder % prime));
}
