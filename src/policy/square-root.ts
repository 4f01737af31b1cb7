// Square roots of large whole numbers, with the work counted.
import type { KeyWork } from './key-fault.ts';

/** The largest whole number whose square is not above `value` ≥ 0, by Newton's method: about log2(bits) steps. */
export function integerSquareRoot(value: bigint, work: KeyWork): bigint {
  if (value < 2n) return value;
  // a power of two above the root, at most four times as large, so that every step goes down and nearly doubles the right digits
  let root = 1n << BigInt(value.toString(16).length * 2);
  for (;;) {
    work.steps += 1;
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** Which remainders squares leave, by divisor: all but one number in 250 are told from a square without a root. */
const SQUARES: readonly (readonly [bigint, ReadonlySet<bigint>])[] = [256n, 45n, 77n, 221n].map((divisor) => {
  const remainders = Array.from({ length: Number(divisor) }, (_, root) => (BigInt(root) * BigInt(root)) % divisor);
  return [divisor, new Set(remainders)];
});

/** Whether `value` ≥ 0 is the square of a whole number. */
export function isSquare(value: bigint, work: KeyWork): boolean {
  for (const [divisor, squares] of SQUARES) if (!squares.has(value % divisor)) return false;
  const root = integerSquareRoot(value, work);
  return root * root === value;
}
