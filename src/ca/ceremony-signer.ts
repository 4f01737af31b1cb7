// The only way to a signature in a ceremony: record, sign, verify, record. The token never gets bytes that the journal does not
// have, and nobody sees a signature that does not verify.

import { createHash } from 'node:crypto';
import type { Signer } from '#hsm/client.ts';
import { Outage } from '../errors.ts';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier, verifySignature } from '../x509/algorithms.ts';
import { assembleSigned } from '../x509/certificate.ts';
import type { Signable } from '../x509/signable.ts';
import type { CeremonyJournal, SignedKind } from './ceremony-journal.ts';

/** What signs: a token opened by the ceremony. */
export type SigningToken = Pick<Signer, 'sign'>;

export type RecordedSigner = Pick<Signer, 'sign'>;

type Purpose = {
  /** the CA whose key signs */
  readonly authority: string;
  /** the CA that is certified, or whose CRL it is */
  readonly about: string;
  /** SubjectPublicKeyInfo of the key that signs */
  readonly spki: Uint8Array;
};

/** A signer that keeps the journal around every call. Throws what the token throws, and Outage `signature: 'unknown'` for a wrong signature. */
export function recordedSigner(token: SigningToken, journal: CeremonyJournal, purpose: Purpose): RecordedSigner {
  return {
    async sign(keyId, signable) {
      const what = kindOf(signable);
      const step = { what, authority: purpose.authority, about: purpose.about, tbsSha256: sha256(signable.tbs) };
      // 1. Record. If we stop after this line, a repeat finds an intent without outcome, and takes another serial or number.
      journal.append({ kind: 'signature.intent', ...step, tbs: base64(signable.tbs) });
      // 2. Sign. If we stop here, the signature is lost with the process: the intent is all there ever is of it.
      const signature = await token.sign(keyId, signable);
      const algorithm = signatureAlgorithmFor(purpose.spki);
      if (!verifySignature(algorithm, purpose.spki, signable.tbs, signature)) {
        throw new Outage('hsm', 'the token answered a signature that does not verify', { signature: 'unknown' });
      }
      // 3. Record what was made, whole: if we stop after this line, the repeat takes it from here.
      const der = assembleSigned(signable.tbs, signatureAlgorithmIdentifier(algorithm), signature);
      journal.append({ kind: 'signature.made', ...step, sha256: sha256(der), der: base64(der) });
      return signature;
    },
  };
}

function kindOf({ kind }: Signable): SignedKind {
  if (kind === 'ocsp') throw new TypeError('a ceremony signs no OCSP responses');
  return kind;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
