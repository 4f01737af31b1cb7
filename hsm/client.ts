// The signer as its callers see it: one socket path, a few connections made when they are needed, and errors that say what is
// known of the signature. It takes nothing but linted structures.
import { Outage, Refusal } from '../src/errors.ts';
import type { KeyAlgorithm } from '../src/x509/keys.ts';
import type { Signable } from '../src/x509/signable.ts';
import { openCaller } from './caller.ts';
import { fromHex, type SignerAnswer, type SignerHealth, toHex } from './frames.ts';
import type { TokenKey } from './key-objects.ts';

export type { SignerHealth } from './frames.ts';
export type { TokenKey } from './key-objects.ts';

export interface Signer {
  /**
   * Signs a linted structure with the key `keyId` (20 octets) and gives the signature: RSA as it is, ECDSA as Ecdsa-Sig-Value.
   * Throws Refusal `signer_refused` (the token was never asked), Outage `none` (nothing was signed) or `unknown`.
   */
  sign(keyId: Uint8Array, signable: Signable): Promise<Uint8Array>;
  /** Makes a key pair in the OCSP token. Throws Refusal, Outage. */
  generateKey(algorithm: KeyAlgorithm): Promise<TokenKey>;
  /** The ids of every key pair in the OCSP token. Throws Refusal, Outage. */
  listKeys(): Promise<readonly Uint8Array[]>;
  /** Destroys a key pair of the OCSP token; tells whether there was one. Throws Refusal, Outage. */
  destroyKey(keyId: Uint8Array): Promise<boolean>;
  /** Answers while the token hangs; throws Outage when the signer itself is away. */
  health(): Promise<SignerHealth>;
  close(): Promise<void>;
}

/** The most that making a key may take. */
const KEY_GENERATION_MS = 60_000;

/** A signer behind the socket at `path`; nothing is connected before the first call. `deadlineMs` covers a call as a whole. */
export function connectSigner({ path, deadlineMs }: { path: string; deadlineMs: number }): Signer {
  const caller = openCaller(path);
  return {
    async sign(keyId, { tbs }) {
      const request = { op: 'sign', keyId: toHex(keyId), bodyLength: tbs.length } as const;
      const answer = await caller.call(request, tbs, deadlineMs);
      return answer.kind === 'signature' ? fromHex(answer.signature) : failure(answer);
    },
    async generateKey(algorithm) {
      const answer = await caller.call({ op: 'generateKey', algorithm }, NO_BODY, KEY_GENERATION_MS);
      return answer.kind === 'key' ? { keyId: fromHex(answer.keyId), spki: fromHex(answer.spki) } : failure(answer);
    },
    async listKeys() {
      const answer = await caller.call({ op: 'listKeys' }, NO_BODY, deadlineMs);
      return answer.kind === 'keys' ? answer.keyIds.map(fromHex) : failure(answer);
    },
    async destroyKey(keyId) {
      const answer = await caller.call({ op: 'destroyKey', keyId: toHex(keyId) }, NO_BODY, deadlineMs);
      return answer.kind === 'destroyed' ? answer.existed : failure(answer);
    },
    async health() {
      const answer = await caller.call({ op: 'health' }, NO_BODY, deadlineMs);
      return answer.kind === 'health' ? answer.health : failure(answer);
    },
    close: () => caller.close(),
  };
}

const NO_BODY = new Uint8Array();

function failure(answer: SignerAnswer): never {
  if (answer.kind === 'refusal') throw new Refusal(answer.code, answer.detail, answer.findings);
  if (answer.kind === 'outage') throw new Outage('hsm', answer.detail, { signature: answer.signature });
  throw new Outage('hsm', 'the signer answered something else than it was asked', { signature: 'unknown' });
}
