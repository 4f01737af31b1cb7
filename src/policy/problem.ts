// What a decision finds wrong, kept until all of it is known, and then refused at once.

import { type Finding, Refusal, type RefusalCode } from '../errors.ts';

/** One finding and the code it would be refused with. */
export type Problem = { readonly code: RefusalCode; readonly finding: Finding };

// A key that is no key makes the rest pointless, a holder can be mended: the first of these that occurs names the refusal.
const WORST_FIRST: readonly RefusalCode[] = [
  'csr_malformed',
  'csr_extension_not_allowed',
  'key_invalid',
  'key_weak',
  'key_not_allowed',
  'key_reused',
  'csr_algorithm_not_allowed',
  'csr_signature_invalid',
  'name_conflict',
  'name_not_allowed',
  'identifier_invalid',
  'holder_invalid',
  'validity_not_possible',
];

export const problems = (code: RefusalCode, findings: readonly Finding[]): Problem[] =>
  findings.map((finding) => ({ code, finding }));

/** Runs a check that refuses; its refusal becomes problems, every other error passes. */
export function problemsOf(check: () => unknown): Problem[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, message, findings } = error;
    return problems(code, findings.length > 0 ? findings : [{ rule: code, detail: message }]);
  }
}

function rank({ code }: Problem): number {
  const place = WORST_FIRST.indexOf(code);
  return place === -1 ? WORST_FIRST.length : place;
}

/** Throws a Refusal with the worst code and every finding, those of that code first; does nothing when there is none. */
export function refuseProblems(found: readonly Problem[], detail: string): void {
  const [worst, ...rest] = [...found].sort((a, b) => rank(a) - rank(b));
  if (worst !== undefined)
    throw new Refusal(
      worst.code,
      detail,
      [worst, ...rest].map(({ finding }) => finding),
    );
}
