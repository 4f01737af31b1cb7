// Tables of the audit trail, its hash chain, and the jobs that an act leaves behind.

import { sql } from 'drizzle-orm';
import { index, jsonb, pgTable, text, unique } from 'drizzle-orm/pg-core';
import type { JsonObject } from '../canonical.ts';
import { bytea, byteLength, createdAt, instant, int8, oneRow, rule, textLength, writtenBy, xid8 } from './columns.ts';

/** What happened. `content` and `salt` may be erased later; the digest stays, and the chain is over digests. */
export const auditEvent = pgTable(
  'audit_event',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    xid: writtenBy(),
    at: instant('at').notNull(),
    kind: text('kind').notNull(),
    actor: text('actor').notNull(),
    subjectId: text('subject_id').notNull(),
    content: jsonb('content').$type<JsonObject>(),
    salt: bytea('salt'),
    digest: bytea('digest').notNull(),
  },
  (t) => [
    index('audit_event_in_order').on(t.xid, t.id),
    index('audit_event_by_subject').on(t.subjectId, t.id),
    textLength('audit_event_kind', t.kind, 64),
    textLength('audit_event_actor', t.actor, 256),
    textLength('audit_event_subject_id', t.subjectId, 256),
    rule('audit_event_content', sql`jsonb_typeof(${t.content}) = 'object'`),
    byteLength('audit_event_salt', t.salt, 16),
    byteLength('audit_event_digest', t.digest, 32),
    rule('audit_event_erased', sql`(${t.content} is null) = (${t.salt} is null)`),
  ],
);

export const auditChain = pgTable(
  'audit_chain',
  {
    position: int8('position').primaryKey(),
    eventId: int8('event_id')
      .notNull()
      .references(() => auditEvent.id),
    previousHash: bytea('previous_hash').notNull(),
    hash: bytea('hash').notNull(),
    sealedAt: instant('sealed_at').notNull().defaultNow(),
  },
  (t) => [
    unique('audit_chain_event').on(t.eventId),
    rule('audit_chain_position', sql`${t.position} >= 1`),
    byteLength('audit_chain_previous_hash', t.previousHash, 32),
    byteLength('audit_chain_hash', t.hash, 32),
  ],
);

/** Where the chain ends and how far the sealer has read, in one row. */
export const auditHead = pgTable(
  'audit_head',
  {
    oneRow: oneRow(),
    position: int8('position').notNull(),
    hash: bytea('hash').notNull(),
    xid: xid8('xid').notNull(),
    eventId: int8('event_id').notNull(),
  },
  (t) => [
    rule('audit_head_one_row', sql`${t.oneRow}`),
    rule('audit_head_position', sql`${t.position} >= 0`),
    byteLength('audit_head_hash', t.hash, 32),
  ],
);

/** Jobs that a committed act wants done; the relay moves them to graphile-worker. */
export const outbox = pgTable(
  'outbox',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    xid: writtenBy(),
    task: text('task').notNull(),
    payload: jsonb('payload').$type<JsonObject>().notNull(),
    jobKey: text('job_key').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    index('outbox_in_order').on(t.xid, t.id),
    textLength('outbox_task', t.task, 64),
    rule('outbox_payload', sql`jsonb_typeof(${t.payload}) = 'object'`),
    textLength('outbox_job_key', t.jobKey, 256),
  ],
);
