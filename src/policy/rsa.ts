// RSA numbers that look right and are not: sizes, exponents, and the moduli that published attacks factor in seconds.
// No exponentiation here; every loop has a bound that does not depend on what the sender chose, but the size.
import { type KeyFault, type KeyWork, weak } from './key-fault.ts';
import { hasRocaFingerprint, SMALL_PRIMES_PRODUCT } from './small-primes.ts';
import { integerSquareRoot, isSquare } from './square-root.ts';

/** Bits of the largest modulus that is computed with. */
export const MODULUS_LIMIT = 8192;

/** Rounds of Fermat's method, as CA/Browser Forum BR §6.1.1.3 Subscriber Key Pair Generation asks. */
const FERMAT_ROUNDS = 100;

const SMALLEST_EXPONENT = 65_537n;
/** OpenSSL verifies no exponent above 64 bits with a modulus above 3072, so a certificate for such a key would be of no use. */
const EXPONENT_LIMIT = 1n << 64n;

const QUALITY = 'BR §6.1.6 Public Key Parameters Generation and Quality Checking';
const GENERATION = 'BR §6.1.1.3 Subscriber Key Pair Generation';

type RsaNumbers = { readonly modulus: bigint; readonly exponent: bigint; readonly bits: number };

/** Every weakness of a modulus of at most MODULUS_LIMIT bits and its exponent, both positive. */
export function checkRsaNumbers(numbers: RsaNumbers, work: KeyWork): KeyFault[] {
  return [...checkSize(numbers), ...checkExponent(numbers), ...checkFactors(numbers, work)];
}

function checkSize({ bits }: RsaNumbers): KeyFault[] {
  const rule = 'BR §6.1.5 Key Sizes';
  const faults: KeyFault[] = [];
  if (bits < 2048) faults.push(weak(rule, `an RSA modulus of ${bits} bits is too short: 2048 at least`));
  if (bits % 8 !== 0) faults.push(weak(rule, `the bits of an RSA modulus, ${bits}, are divisible by 8`));
  return faults;
}

function checkExponent({ exponent, modulus }: RsaNumbers): KeyFault[] {
  const faults: KeyFault[] = [];
  const remedy = 'make a new key pair with the public exponent 65537';
  if (exponent % 2n === 0n) faults.push(weak(QUALITY, 'the public exponent is even', remedy));
  if (exponent === 1n) faults.push(weak(QUALITY, 'the public exponent is 1: a signature proves nothing', remedy));
  else if (exponent < SMALLEST_EXPONENT) faults.push(weak(QUALITY, 'the public exponent is below 65537', remedy));
  if (exponent > EXPONENT_LIMIT || exponent >= modulus) {
    faults.push(weak(QUALITY, 'the public exponent is huge: 64 bits at most', remedy));
  }
  return faults;
}

function checkFactors({ modulus }: RsaNumbers, work: KeyWork): KeyFault[] {
  const faults: KeyFault[] = [];
  if (modulus % 2n === 0n) faults.push(weak(QUALITY, 'the modulus is even'));
  if (greatestCommonDivisor(modulus, SMALL_PRIMES_PRODUCT, work) !== 1n) {
    faults.push(weak(QUALITY, 'the modulus has a prime factor below 65536'));
  }
  if (hasRocaFingerprint(modulus, work)) {
    faults.push(weak(`${GENERATION} (ROCA, CVE-2017-15361)`, 'the modulus has the ROCA fingerprint', ROCA_REMEDY));
  }
  if (hasClosePrimes(modulus, work)) {
    faults.push(weak(`${GENERATION} (CVE-2022-26320)`, 'the two primes of the modulus are too close to each other'));
  }
  return faults;
}

const ROCA_REMEDY = 'make a new key pair with another device or program: this one makes weak keys';

/** Euclid's algorithm; at most 1.45 steps for each bit of the smaller number. */
function greatestCommonDivisor(a: bigint, b: bigint, work: KeyWork): bigint {
  let [larger, smaller] = [a, b % a];
  work.steps += 1;
  while (smaller !== 0n) {
    [larger, smaller] = [smaller, larger % smaller];
    work.steps += 1;
  }
  return larger;
}

/** Fermat's factoring: is modulus = a² - b² for one of the first a from its square root on? A perfect square is the first case. */
function hasClosePrimes(modulus: bigint, work: KeyWork): boolean {
  let a = integerSquareRoot(modulus, work);
  if (a * a < modulus) a += 1n;
  let remainder = a * a - modulus;
  for (let round = 0; round < FERMAT_ROUNDS; round += 1) {
    work.steps += 1;
    if (isSquare(remainder, work)) return true;
    remainder += 2n * a + 1n;
    a += 1n;
  }
  return false;
}
