// The audit trail: one row per act, in the act's own transaction. Chaining is the sealer's work (audit-chain.ts), because a
// chain inside the act's transaction would make every commit wait for the one before.

import { createHash, randomBytes } from 'node:crypto';
import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { canonicalJson, type JsonObject } from './canonical.ts';
import type { Tx } from './connect.ts';
import { auditEvent } from './schema/audit.ts';
import { statement } from './session.ts';

export type AuditEntry = {
  readonly at: Date;
  /** what was done: `certificate_issued` */
  readonly kind: string;
  /** who did it: an id, never a name, because it cannot be erased */
  readonly actor: string;
  /** id of what it was done to; never a name, because it cannot be erased */
  readonly subjectId: string;
  /** the particulars, personal data included: this part can be erased */
  readonly content: JsonObject;
};

/** Writes one audit row; without it the transaction must not commit. TypeError when `content` is not JSON. */
export async function appendAudit(tx: Tx, entry: AuditEntry): Promise<void> {
  await insertEvent(tx, auditValues(entry));
}

/** The values of a new row, by the names of the placeholders of whichever statement writes it. */
export function auditValues({ at, kind, actor, subjectId, content }: AuditEntry) {
  const salt = randomBytes(16);
  return {
    auditAt: at,
    auditKind: kind,
    auditActor: actor,
    auditSubjectId: subjectId,
    auditContent: content,
    auditSalt: salt,
    auditDigest: auditDigest({ at, kind, actor, subjectId, content }, salt),
  };
}

/** Whether an act of this kind was done to this subject. */
export async function wasAudited(tx: Tx, kind: string, subjectId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: auditEvent.id })
    .from(auditEvent)
    .where(and(eq(auditEvent.subjectId, subjectId), eq(auditEvent.kind, kind)))
    .limit(1);
  return rows.length === 1;
}
const insertEvent = statement('audit_event_insert', (tx) =>
  tx.insert(auditEvent).values({
    at: sql.placeholder('auditAt'),
    kind: sql.placeholder('auditKind'),
    actor: sql.placeholder('auditActor'),
    subjectId: sql.placeholder('auditSubjectId'),
    content: sql.placeholder('auditContent'),
    salt: sql.placeholder('auditSalt'),
    digest: sql.placeholder('auditDigest'),
  }),
);

/** Erases what an audit row told, keeping that it happened and its digest; false when it is unknown or erased already. */
export async function eraseAuditContent(tx: Tx, eventId: bigint): Promise<boolean> {
  const { rowCount } = await tx
    .update(auditEvent)
    .set({ content: null, salt: null })
    .where(and(eq(auditEvent.id, eventId), isNotNull(auditEvent.content)));
  return rowCount === 1;
}

/**
 * SHA-256(salt ‖ canonical JSON of { actor, at, content, kind, subject }). The salt keeps the digest of erased personal data
 * from being guessed.
 */
export function auditDigest(entry: AuditEntry, salt: Uint8Array): Uint8Array {
  const { kind, actor, subjectId, at, content } = entry;
  const text = canonicalJson({ kind, actor, subject: subjectId, at: at.toISOString(), content });
  return createHash('sha256').update(salt).update(text).digest();
}
