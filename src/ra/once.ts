// Idempotency-Key: the same key with the same body is one act, however often it arrives; scoped to actor and route.

import type { Tx } from '#db/connect.ts';
import { claimIdempotency, completeIdempotency, dropIdempotency, type IdempotencyClaim } from '#db/idempotency.ts';
import { type Actor, actorText } from '../actor.ts';
import { Outage, Refusal, type RefusalCode } from '../errors.ts';
import type { Needs } from '../system.ts';

export type Idempotency = {
  readonly key: string;
  /** SHA-256 over method, target, media type and body: two requests with one key are the same when this is the same */
  readonly bodyDigest: Uint8Array;
};
export type Settle = (tx: Tx, certificateId: string) => Promise<void>;

type Act = { readonly actor: Actor; readonly route: string; readonly idempotency?: Idempotency | undefined };

type Ways<T> = {
  /**
   * The act itself. Where there is a key it must call `settle` in the transaction that records its result: a result and its key commit
   * together or not at all.
   */
  readonly first: (settle: Settle | undefined) => Promise<T>;
  /** What is answered of the certificate that an earlier request with this key made or touched. */
  readonly again: (certificateId: string) => Promise<T>;
};

/**
 * Acts unless this key was answered before. Throws the first answer again if that was a refusal; Refusal `idempotency_key_reused` or
 * `idempotency_key_in_progress`.
 */
export async function once<T>(
  system: Needs<'db' | 'config'>,
  { actor, route, idempotency }: Act,
  { first, again }: Ways<T>,
): Promise<T> {
  if (idempotency === undefined) return first(undefined);
  // If we stop after the claim, it runs out with its lease, after recovery has settled what the act left behind.
  const leaseMs = 4 * system.config.SIGNING_DEADLINE_MS;
  const claim = await system.db.transaction((tx) =>
    claimIdempotency(tx, { ...idempotency, actor: actorText(actor), route, leaseMs }),
  );
  switch (claim.kind) {
    case 'differs':
      throw new Refusal('idempotency_key_reused', 'this Idempotency-Key came with another request before');
    case 'running':
      throw new Refusal('idempotency_key_in_progress', 'the first request with this Idempotency-Key is still running');
    case 'done':
      if (claim.refusal !== undefined)
        throw new Refusal(claim.refusal.code, claim.refusal.detail, claim.refusal.findings);
      if (claim.certificateId === undefined)
        throw new TypeError('an answered key names its certificate or its refusal');
      return again(claim.certificateId);
    case 'claimed':
      return settled(system, claim.claim, first);
  }
}

/** Refusals that say nothing of the request: mended without the caller's doing, so they are no answer to remember. */
const OWN_FAULTS: ReadonlySet<RefusalCode> = new Set([
  'lint_failed',
  'signer_refused',
  'hierarchy_differs',
  'configuration_invalid',
]);

async function settled<T>(
  system: Needs<'db'>,
  claim: IdempotencyClaim,
  act: (settle: Settle) => Promise<T>,
): Promise<T> {
  try {
    return await act(async (tx, certificateId) => {
      if (!(await completeIdempotency(tx, claim, { certificateId }))) {
        throw new Outage('database', 'the Idempotency-Key was taken over by another try');
      }
    });
  } catch (error) {
    // An outage is not an answer: the key is free again, and the next try takes a new row and serial.
    await system.db.transaction(async (tx) => {
      if (error instanceof Refusal && !OWN_FAULTS.has(error.code)) {
        await completeIdempotency(tx, claim, {
          refusal: { code: error.code, detail: error.message, findings: error.findings },
        });
      } else await dropIdempotency(tx, claim);
    });
    throw error;
  }
}
