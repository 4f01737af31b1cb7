// How the lints say what they found. A detail never repeats a value from the structure: names and card numbers are personal data.
import type { Finding } from '../errors.ts';
import { DerError } from './der.ts';

/** Where a lint stands: what the rule is and how its breach is mended. */
export type Rule = { readonly rule: string; readonly at: string; readonly remedy: string };

/** No finding where the rule holds, else one. */
export const expect = (holds: boolean, { rule, at, remedy }: Rule, detail: string): Finding[] =>
  holds ? [] : [{ rule, at, detail, remedy }];

/** What `check` finds; bytes that it cannot read are a finding of this rule. */
export function reading(rule: Rule, check: () => Finding[]): Finding[] {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return [{ rule: rule.rule, at: `${rule.at} @ ${error.offset}`, detail: error.message, remedy: rule.remedy }];
  }
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
