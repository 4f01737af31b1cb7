// Bytes that passed their lint. Only lint-certificate.ts, lint-crl.ts and lint-ocsp.ts may import `settle` (a test holds that),
// so bytes that were not linted never reach a signer: its client takes nothing else.
import { type Finding, Refusal } from '../errors.ts';

declare const linted: unique symbol;

/** A to-be-signed structure without findings. */
export type Signable = {
  readonly kind: 'certificate' | 'crl' | 'ocsp';
  /** DER of the TBSCertificate, TBSCertList or ResponseData */
  readonly tbs: Uint8Array;
  readonly [linted]: true;
};

/** Makes the Signable where nothing was found; otherwise throws Refusal `lint_failed` with every finding. */
export function settle(kind: Signable['kind'], tbs: Uint8Array, findings: readonly Finding[]): Signable {
  if (findings.length > 0) {
    throw new Refusal('lint_failed', `${findings.length} finding(s) in a ${kind} before it could be signed`, findings);
  }
  return Object.freeze({ kind, tbs }) as Signable;
}
