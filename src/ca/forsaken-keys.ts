// A worker that is killed between making a responder's key and certifying it leaves the key in its token, and no row names it.
// Such keys are found by looking twice: what has no certificate long after any renewal is over never gets one.

import { appendAudit } from '#db/audit.ts';
import { listResponderKeys } from '#db/responders.ts';
import type { Needs } from '../system.ts';

/** Far longer than making a key and certifying it may take together. */
const FORSAKEN_AFTER_MS = 10 * 60_000;

/**
 * A look at the OCSP token that destroys the keys which no responder has had for ten minutes of `now` (milliseconds that never go
 * back), and answers how many. It remembers what it saw, so that one look alone destroys nothing.
 */
export function createKeySweep(now: () => number = () => performance.now()) {
  let seen = new Map<string, number>();
  return async (system: Needs<'db' | 'clock' | 'ocsp'>): Promise<number> => {
    // The token first: a key whose row comes between the two looks is then not among those found.
    const held = (await system.ocsp.listKeys()).map(toHex);
    const named = new Set((await listResponderKeys(system.db.read)).map(toHex));
    // A database that knows of no responder is not the one whose keys these are, or not yet.
    if (named.size === 0) return 0;
    const unnamed = held.filter((keyId) => !named.has(keyId));
    seen = new Map(unnamed.map((keyId) => [keyId, seen.get(keyId) ?? now()]));
    const forsaken = [...seen].filter(([, since]) => now() - since >= FORSAKEN_AFTER_MS).map(([keyId]) => keyId);
    for (const keyId of forsaken) await destroyForsaken(system, keyId);
    return forsaken.length;
  };
}

const toHex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

async function destroyForsaken(system: Needs<'db' | 'clock' | 'ocsp'>, keyId: string): Promise<void> {
  // 1. The audit row. If we stop after it, the next worker finds the key again and says so again.
  await system.db.transaction((tx) =>
    appendAudit(tx, {
      kind: 'ocsp_key_forsaken',
      actor: 'system:ocsp-renewal',
      subjectId: keyId,
      at: system.clock(),
      content: {},
    }),
  );
  // 2. The key.
  await system.ocsp.destroyKey(Buffer.from(keyId, 'hex'));
}
