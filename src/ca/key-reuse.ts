// One public key, one certificate: a key of a CA, of another certificate or on the block list is refused.

import { isBlocked } from '#db/blocked-keys.ts';
import { findKeyUse, type KeyUse } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import type { Authorities } from '../authority.ts';
import { Outage, Refusal } from '../errors.ts';

type KeyClaim = {
  readonly keyDigest: Uint8Array;
  readonly orderDigest: Uint8Array;
  readonly actor: string;
  readonly authorities: Authorities;
};

/**
 * Throws Refusal `key_blocked` or `key_reused`. A key whose only rows failed (burnt or unsigned) may come again for the same
 * order and actor: its holder could not know the outcome. While such a try is not settled, which recover.ts will do if nobody
 * else does, that is no refusal but an Outage: the same request is right a moment later, and no Idempotency-Key may remember it.
 * Two requests at once are told apart by the unique index, not here.
 */
export async function refuseKeyReuse(tx: Tx, claim: KeyClaim): Promise<void> {
  if (await isBlocked(tx, claim.keyDigest)) {
    throw new Refusal('key_blocked', 'this key was reported as compromised', [
      {
        rule: 'a compromised key is never certified again',
        at: 'csr.subjectPublicKeyInfo',
        detail: 'the key is on the block list',
        remedy: 'make a new key pair',
      },
    ]);
  }
  refuseAuthorityKey(claim);
  const uses = await findKeyUse(tx, claim.keyDigest);
  if (!uses.every((use) => isSameOrder(use, claim) && use.state !== 'issued'))
    throw reused('a certificate was already asked for with it');
  if (uses.some(({ state }) => state === 'signing'))
    throw new Outage('hsm', 'an earlier try of the same order is not settled yet');
}

/** Throws Refusal `key_reused` for the key of a CA, which no row of a certificate may name. */
export function refuseAuthorityKey({ authorities, keyDigest }: Pick<KeyClaim, 'authorities' | 'keyDigest'>): void {
  for (const authority of authorities.values()) {
    if (Buffer.compare(authority.keyDigest, keyDigest) === 0)
      throw reused('it is the key of a certification authority');
  }
}

const isSameOrder = (use: KeyUse, { actor, orderDigest }: KeyClaim): boolean =>
  use.actor === actor && Buffer.compare(use.orderDigest, orderDigest) === 0;

const reused = (detail: string): Refusal =>
  new Refusal('key_reused', 'this key was used before', [
    {
      rule: 'RGS A2: a renewal always has a new key pair',
      at: 'csr.subjectPublicKeyInfo',
      detail,
      remedy: 'make a new key pair for each certificate',
    },
  ]);
