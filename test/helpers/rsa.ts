// RSA numbers made to measure: primes that lie too close, primes of the ROCA form, and whatever else no honest program makes.
// All of them follow from their label, so every run has the same keys.
import { checkPrimeSync, createHash } from 'node:crypto';
import { buildRsaSpki } from '../../src/x509/keys.ts';

/** A number of exactly `bits` bits whose two highest are set, so that a product of two has exactly the sum of their bits. */
export function numberOf(label: string, bits: number): bigint {
  let hex = '';
  for (let block = 0; hex.length * 4 < bits; block += 1)
    hex += createHash('sha512').update(`${label} ${block}`).digest('hex');
  const number = BigInt(`0x${hex}`) >> BigInt(hex.length * 4 - bits);
  return number | (3n << BigInt(bits - 2)) | 1n;
}

/** The first prime among start, start + step, start + 2 step … */
export function primeFrom(start: bigint, step = 2n): bigint {
  for (let candidate = start; ; candidate += step) {
    const remainder = candidate % 304_250_263_527_210n;
    const small = [3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n].some((prime) => remainder % prime === 0n);
    if (!small && checkPrimeSync(candidate)) return candidate;
  }
}

/** `base` to the power of `exponent`, modulo `modulus`. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/**
 * Primes as the Infineon library made them: k · M + (65537^a mod M), M the product of the first 126 primes
 * (Nemec et al., The Return of Coppersmith's Attack, §2.1).
 */
export function rocaPrime(a: bigint): bigint {
  let product = 1n;
  for (let prime = 2n, count = 0; count < 126; prime += 1n) {
    if (product % prime !== 0n && checkPrimeSync(prime)) {
      product *= prime;
      count += 1;
    }
  }
  const k = (3n << 1022n) / product;
  return primeFrom(k * product + power(65_537n, a, product), product);
}

export const octetsOf = (value: bigint): Uint8Array => {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
};

export const rsaSpki = (modulus: bigint, exponent = 65_537n): Uint8Array =>
  buildRsaSpki(octetsOf(modulus), octetsOf(exponent));
