// Keys that may never be certified, by SHA-256 of their SubjectPublicKeyInfo.

import { eq, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { blockedKey } from './schema/certificates.ts';
import { statement } from './session.ts';

/** Blocks a key for ever; false when it is blocked already. */
export async function blockKey(tx: Tx, keyDigest: Uint8Array, reason: string): Promise<boolean> {
  const { rowCount } = await tx.insert(blockedKey).values({ keyDigest, reason }).onConflictDoNothing();
  return rowCount === 1;
}

/** Whether a key is blocked. */
export async function isBlocked(tx: Tx, keyDigest: Uint8Array): Promise<boolean> {
  const rows = await findReason(tx, { keyDigest });
  return rows.length > 0;
}

/** Since when a key is blocked; undefined when it is not. */
export async function blockedSince(tx: Tx, keyDigest: Uint8Array): Promise<Date | undefined> {
  const [row] = await findReason(tx, { keyDigest });
  return row?.createdAt;
}

const findReason = statement('blocked_key_reason', (tx) =>
  tx
    .select({ reason: blockedKey.reason, createdAt: blockedKey.createdAt })
    .from(blockedKey)
    .where(eq(blockedKey.keyDigest, sql.placeholder('keyDigest'))),
);
