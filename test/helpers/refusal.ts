// What a call is refused with; anything else that it throws is a bug and goes on.
import { Refusal } from '../../src/errors.ts';

export function refusalOf(call: () => unknown): Refusal {
  try {
    call();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The details of all findings, in their order. */
export const detailsOf = (call: () => unknown): string[] => refusalOf(call).findings.map((finding) => finding.detail);
