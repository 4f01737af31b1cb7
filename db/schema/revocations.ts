// Tables of revocation and of what is published about it: status feed, CRLs, OCSP responders, publishers' leases.

import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import { certificationAuthority } from './authorities.ts';
import { certificate } from './certificates.ts';
import {
  bytea,
  byteLength,
  createdAt,
  endsAfter,
  instant,
  int8,
  oneOf,
  rule,
  textLength,
  writtenBy,
  xid8,
} from './columns.ts';

/** Reasons of RFC 5280 §5.3.1 Reason Code that end a certificate for good; certificateHold does not exist here. */
export const REVOCATION_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

/** At most one per certificate, for ever. Issuer, serial and end are copied so that a CRL reads this table alone. */
export const revocation = pgTable(
  'revocation',
  {
    certificateId: uuid('certificate_id')
      .primaryKey()
      .references(() => certificate.id),
    issuer: text('issuer').notNull(),
    serial: bytea('serial').notNull(),
    notAfter: instant('not_after').notNull(),
    revokedAt: instant('revoked_at').notNull(),
    reason: text('reason', { enum: REVOCATION_REASONS }).notNull(),
    actor: text('actor').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('revocation_in_crl_order').on(t.issuer, t.revokedAt, t.serial),
    oneOf('revocation_reason', t.reason, REVOCATION_REASONS),
    textLength('revocation_actor', t.actor, 256),
  ],
);

/** What a revocation was before its reason was raised to keyCompromise, which is once at most. */
export const revocationRaise = pgTable(
  'revocation_raise',
  {
    certificateId: uuid('certificate_id')
      .primaryKey()
      .references(() => certificate.id),
    /** that of the row of the feed which tells of it */
    xid: writtenBy(),
    reasonBefore: text('reason_before', { enum: REVOCATION_REASONS }).notNull(),
    raisedAt: instant('raised_at').notNull(),
  },
  (t) => [
    rule('revocation_raise_before', sql`${t.reasonBefore} <> 'keyCompromise'`),
    oneOf('revocation_raise_reason', t.reasonBefore, REVOCATION_REASONS),
  ],
);

/** What every copy of the public role reads to know the status of each serial. */
export const statusFeed = pgTable(
  'status_feed',
  {
    position: int8('position').primaryKey().generatedAlwaysAsIdentity(),
    xid: writtenBy(),
    issuer: text('issuer').notNull(),
    serial: bytea('serial').notNull(),
    revokedAt: instant('revoked_at'),
  },
  (t) => [
    index('status_feed_in_order').on(t.xid, t.position),
    textLength('status_feed_issuer', t.issuer, 64),
    byteLength('status_feed_serial', t.serial, 8, 20),
  ],
);

/** How far each copy has read. */
export const feedReader = pgTable(
  'feed_reader',
  {
    copy: text('copy').primaryKey(),
    xid: xid8('xid').notNull(),
    position: int8('position').notNull(),
    seenAt: instant('seen_at').notNull(),
  },
  (t) => [textLength('feed_reader_copy', t.copy, 128), rule('feed_reader_position', sql`${t.position} >= 0`)],
);

/** `burnt`: possibly signed, never published. */
export const CRL_STATES = ['signing', 'published', 'burnt'] as const;

/** Every CRL number that was ever given to a TBSCertList. */
export const crl = pgTable(
  'crl',
  {
    issuer: text('issuer')
      .notNull()
      .references(() => certificationAuthority.id),
    number: int8('number').notNull(),
    state: text('state', { enum: CRL_STATES }).notNull(),
    scheduled: boolean('scheduled').notNull(),
    thisUpdate: instant('this_update').notNull(),
    nextUpdate: instant('next_update').notNull(),
    entries: integer('entries').notNull(),
    tbs: bytea('tbs'),
    der: bytea('der'),
    epoch: int8('epoch'),
    createdAt: createdAt(),
    settledAt: instant('settled_at'),
  },
  (t) => [
    primaryKey({ name: 'crl_pkey', columns: [t.issuer, t.number] }),
    index('crl_signing').on(t.createdAt).where(sql`${t.state} = 'signing'`),
    rule('crl_number', sql`${t.number} >= 1`),
    oneOf('crl_state', t.state, CRL_STATES),
    endsAfter('crl_validity', t.nextUpdate, t.thisUpdate),
    rule('crl_entries', sql`${t.entries} >= 0`),
    rule('crl_der_when_published', sql`(${t.der} is not null) = (${t.state} = 'published')`),
    // A published CRL contains its TBSCertList; storing it twice would double the largest rows of the database.
    rule('crl_tbs_until_published', sql`(${t.tbs} is null) = (${t.state} = 'published')`),
    rule('crl_epoch_when_published', sql`(${t.epoch} is not null) = (${t.state} = 'published')`),
    rule('crl_settled', sql`(${t.settledAt} is null) = (${t.state} = 'signing')`),
  ],
);

export const lease = pgTable(
  'lease',
  {
    name: text('name').primaryKey(),
    holder: text('holder').notNull(),
    epoch: int8('epoch').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    textLength('lease_name', t.name, 128),
    textLength('lease_holder', t.holder, 128),
    rule('lease_epoch', sql`${t.epoch} >= 1`),
  ],
);

/** Delegated OCSP responders: RFC 6960 §4.2.2.2 Authorized Responders. */
export const ocspResponder = pgTable(
  'ocsp_responder',
  {
    keyId: bytea('key_id').primaryKey(),
    issuer: text('issuer')
      .notNull()
      .references(() => certificationAuthority.id),
    certificateId: uuid('certificate_id')
      .notNull()
      .references(() => certificate.id),
    notBefore: instant('not_before').notNull(),
    notAfter: instant('not_after').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('ocsp_responder_certificate').on(t.certificateId),
    index('ocsp_responder_by_issuer').on(t.issuer, t.notAfter),
    byteLength('ocsp_responder_key_id', t.keyId, 20),
    endsAfter('ocsp_responder_validity', t.notAfter, t.notBefore),
  ],
);
