// Tables of certificates, keys that are never certified, and the answers already given to an Idempotency-Key.

import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Finding, RefusalCode } from '../../src/errors.ts';
import type { JsonObject } from '../canonical.ts';
import { bytea, byteLength, createdAt, endsAfter, hexDigest, instant, oneOf, rule, textLength } from './columns.ts';

/** `unsigned`: certainly never signed; `burnt`: possibly signed, so it counts as issued and revoked. */
export const CERTIFICATE_STATES = ['signing', 'issued', 'unsigned', 'burnt'] as const;
/** Who asked for a certificate. */
export const ACTOR_KINDS = ['administrator', 'operator', 'system'] as const;

/** What a list is narrowed down by. */
const listed = (t: Record<'profile' | 'state' | 'revokedAt' | 'notBefore' | 'notAfter' | 'createdAt', AnyPgColumn>) =>
  [t.profile, t.state, t.revokedAt, t.notBefore, t.notAfter, t.createdAt] as const;

/**
 * One row per serial that was ever given to a TBSCertificate.
 * `issuer` has no foreign key on purpose: every issuance would lock the same row of certification_authority.
 */
export const certificate = pgTable(
  'certificate',
  {
    id: uuid('id').primaryKey(),
    issuer: text('issuer').notNull(),
    serial: bytea('serial').notNull(),
    profile: text('profile').notNull(),
    profileDigest: text('profile_digest').notNull(),
    state: text('state', { enum: CERTIFICATE_STATES }).notNull(),
    tbs: bytea('tbs').notNull(),
    der: bytea('der'),
    subject: text('subject').notNull(),
    holder: jsonb('holder').$type<JsonObject>().notNull(),
    holderKey: text('holder_key').notNull(),
    structure: text('structure'),
    keyDigest: bytea('key_digest').notNull(),
    orderDigest: bytea('order_digest').notNull(),
    actor: text('actor').notNull(),
    actorKind: text('actor_kind', { enum: ACTOR_KINDS }).notNull(),
    notBefore: instant('not_before').notNull(),
    notAfter: instant('not_after').notNull(),
    createdAt: createdAt(),
    settledAt: instant('settled_at'),
    revokedAt: instant('revoked_at'),
  },
  (t) => [
    unique('certificate_issuer_serial').on(t.issuer, t.serial),
    uniqueIndex('certificate_key_in_use').on(t.keyDigest).where(sql`${t.state} in ('signing', 'issued')`),
    index('certificate_key').on(t.keyDigest),
    // Pages of lists are found in one of these three alone, without a visit to a row that is not shown: hence their width.
    index('certificate_list').on(t.id, t.structure, ...listed(t)),
    index('certificate_by_structure').on(t.structure, t.id, ...listed(t)),
    index('certificate_by_holder').on(t.holderKey, t.id, t.structure, ...listed(t)),
    index('certificate_by_profile').on(t.profile, t.id),
    // The text begins with the common name. Cut, because an entry of a B-tree has at most 2,704 bytes.
    index('certificate_by_subject').on(sql`lower(left(${t.subject}, 64)) text_pattern_ops`, t.id),
    index('certificate_not_issued').on(t.state, t.id).where(sql`${t.state} <> 'issued'`),
    // What ends, for its notices and for the directory: a range of it is walked, and rows that neither sees are not in it. Its last
    // condition keeps it from pages of lists, which would have to visit every row that it finds.
    index('certificate_by_end')
      .on(t.notAfter, t.id)
      .where(sql`${t.state} = 'issued' and ${t.revokedAt} is null and ${t.actorKind} <> 'system'`),
    textLength('certificate_issuer', t.issuer, 64),
    // Compared as bytes, because get_byte raises on an empty value. First octet 01..7f: positive and without padding.
    rule(
      'certificate_serial',
      sql`octet_length(${t.serial}) between 8 and 20 and substr(${t.serial}, 1, 1) between '\\x01'::bytea and '\\x7f'::bytea`,
    ),
    textLength('certificate_profile', t.profile, 64),
    hexDigest('certificate_profile_digest', t.profileDigest),
    oneOf('certificate_state', t.state, CERTIFICATE_STATES),
    byteLength('certificate_tbs', t.tbs, 1, 65536),
    rule('certificate_der_when_issued', sql`(${t.der} is not null) = (${t.state} = 'issued')`),
    rule('certificate_der', sql`octet_length(${t.der}) > octet_length(${t.tbs}) and octet_length(${t.der}) <= 65536`),
    rule('certificate_settled', sql`(${t.settledAt} is null) = (${t.state} = 'signing')`),
    textLength('certificate_subject', t.subject, 2048),
    rule('certificate_holder', sql`jsonb_typeof(${t.holder}) = 'object' and octet_length(${t.holder}::text) <= 8192`),
    textLength('certificate_holder_key', t.holderKey, 128),
    textLength('certificate_structure', t.structure, 64),
    byteLength('certificate_key_digest', t.keyDigest, 32),
    byteLength('certificate_order_digest', t.orderDigest, 32),
    textLength('certificate_actor', t.actor, 256),
    oneOf('certificate_actor_kind', t.actorKind, ACTOR_KINDS),
    endsAfter('certificate_validity', t.notAfter, t.notBefore),
  ],
);

/** Keys that may never be certified (again), by `keyDigest`. */
export const blockedKey = pgTable(
  'blocked_key',
  { keyDigest: bytea('key_digest').primaryKey(), reason: text('reason').notNull(), createdAt: createdAt() },
  (t) => [byteLength('blocked_key_key_digest', t.keyDigest, 32), textLength('blocked_key_reason', t.reason, 128)],
);

/** A refusal as it is answered again to the same request. */
export type StoredRefusal = {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly findings: readonly Finding[];
};

export const idempotency = pgTable(
  'idempotency',
  {
    actor: text('actor').notNull(),
    route: text('route').notNull(),
    key: text('key').notNull(),
    bodyDigest: bytea('body_digest').notNull(),
    state: text('state', { enum: ['running', 'done'] }).notNull(),
    attempt: integer('attempt').notNull().default(1),
    certificateId: uuid('certificate_id').references(() => certificate.id),
    refusal: jsonb('refusal').$type<StoredRefusal>(),
    leaseUntil: instant('lease_until'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'idempotency_pkey', columns: [t.actor, t.route, t.key] }),
    textLength('idempotency_actor', t.actor, 256),
    textLength('idempotency_route', t.route, 128),
    textLength('idempotency_key', t.key, 255),
    byteLength('idempotency_body_digest', t.bodyDigest, 32),
    oneOf('idempotency_state', t.state, ['running', 'done']),
    rule('idempotency_attempt', sql`${t.attempt} >= 1`),
    rule('idempotency_lease_while_running', sql`(${t.leaseUntil} is not null) = (${t.state} = 'running')`),
    rule(
      'idempotency_one_outcome',
      sql`num_nonnulls(${t.certificateId}, ${t.refusal}) = case when ${t.state} = 'done' then 1 else 0 end`,
    ),
  ],
);
