// Tables of the notices of an end: who is written to, which notice each certificate has had, and each mail on its way.

import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  date,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { certificate } from './certificates.ts';
import { bytea, byteLength, createdAt, instant, int8, mailboxForm, oneOf, rule, textLength } from './columns.ts';

/** Whom a contact belongs to: a structure by structIdNat, a holder by idNat, an administrator by row id. */
export const CONTACT_OWNERS = ['structure', 'holder', 'administrator'] as const;
/** `owner`: who owns certificates; `technical`: who ordered them; `fallback`: who is written to when nobody else can be. */
export const CONTACT_ROLES = ['owner', 'technical', 'fallback'] as const;
export const CONTACT_LANGUAGES = ['fr', 'en'] as const;

/** A code, never the words of a mail server, which may quote an address. */
const reason = (name: string, column: AnyPgColumn) => rule(name, sql`${column} ~ '^[a-z0-9_.]{1,64}$'`);

export const contact = pgTable(
  'contact',
  {
    id: uuid('id').primaryKey(),
    ownerKind: text('owner_kind', { enum: CONTACT_OWNERS }).notNull(),
    ownerKey: text('owner_key').notNull(),
    role: text('role', { enum: CONTACT_ROLES }).notNull(),
    email: text('email').notNull(),
    language: text('language', { enum: CONTACT_LANGUAGES }).notNull(),
    /** set: the address was refused for good, and nothing is sent to it until a person reinstates it */
    refusedAt: instant('refused_at'),
    refusedWhy: text('refused_why'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('contact_once').on(t.ownerKind, t.ownerKey, t.role, t.email),
    index('contact_by_email').on(t.email),
    oneOf('contact_owner_kind', t.ownerKind, CONTACT_OWNERS),
    textLength('contact_owner_key', t.ownerKey, 128),
    oneOf('contact_role', t.role, CONTACT_ROLES),
    rule(
      'contact_role_of_owner',
      sql`(${t.role} = 'technical') = (${t.ownerKind} = 'administrator') and (${t.role} <> 'fallback' or ${t.ownerKind} = 'structure')`,
    ),
    mailboxForm('contact_email', t.email),
    oneOf('contact_language', t.language, CONTACT_LANGUAGES),
    rule('contact_refused', sql`(${t.refusedAt} is null) = (${t.refusedWhy} is null)`),
    reason('contact_refused_why', t.refusedWhy),
  ],
);

/** One notice for each certificate and threshold, whoever finds it and however often. */
export const notice = pgTable(
  'notice',
  {
    certificateId: uuid('certificate_id')
      .notNull()
      .references(() => certificate.id),
    /** as policies/notices.yaml says it: `2m` two calendar months, `30d` thirty days */
    threshold: text('threshold').notNull(),
    dueAt: instant('due_at').notNull(),
    messageId: text('message_id').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'notice_pkey', columns: [t.certificateId, t.threshold] }),
    unique('notice_message_id').on(t.messageId),
    rule('notice_threshold', sql`${t.threshold} ~ '^[1-9][0-9]{0,2}[md]$'`),
    rule(
      'notice_message_id_form',
      sql`char_length(${t.messageId}) <= 250 and ${t.messageId} ~ '^<[!-=?-~]+@[!-=?-~]+>$'`,
    ),
  ],
);

/** `collected`: said in a digest instead. `obsolete`: not sent, because the certificate was revoked, replaced or has had a later notice. */
export const NOTICE_MAIL_STATES = ['pending', 'sending', 'sent', 'refused', 'obsolete', 'collected'] as const;

/** One mail to one address: a notice, or a day's digest of notices, which has no certificate of its own. */
export const noticeMail = pgTable(
  'notice_mail',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    certificateId: uuid('certificate_id'),
    threshold: text('threshold'),
    /** of a digest, and of each notice that is said in it: the day in the zone of the policy */
    digestDay: date('digest_day', { mode: 'string' }),
    /** whose address it was when the notice was found due; none for the operators' list */
    contactId: uuid('contact_id'),
    email: text('email').notNull(),
    language: text('language', { enum: CONTACT_LANGUAGES }).notNull(),
    messageId: text('message_id').notNull(),
    state: text('state', { enum: NOTICE_MAIL_STATES }).notNull().default('pending'),
    attempt: integer('attempt').notNull().default(0),
    /** pending: not sent before; sending: whoever sends has given up by then, and another may try */
    nextAt: instant('next_at').notNull().defaultNow(),
    settledAt: instant('settled_at'),
    why: text('why'),
    createdAt: createdAt(),
  },
  (t) => [
    foreignKey({
      name: 'notice_mail_notice',
      columns: [t.certificateId, t.threshold],
      foreignColumns: [notice.certificateId, notice.threshold],
    }),
    unique('notice_mail_once').on(t.certificateId, t.threshold, t.email),
    uniqueIndex('notice_mail_digest').on(t.email, t.digestDay).where(sql`${t.certificateId} is null`),
    index('notice_mail_open').on(t.nextAt, t.id).where(sql`${t.state} in ('pending', 'sending')`),
    index('notice_mail_by_contact').on(t.contactId, t.createdAt),
    index('notice_mail_by_message').on(t.messageId),
    index('notice_mail_by_digest').on(t.email, t.digestDay).where(sql`${t.digestDay} is not null`),
    rule(
      'notice_mail_kind',
      sql`(${t.certificateId} is null) = (${t.threshold} is null) and num_nonnulls(${t.certificateId}, ${t.digestDay}) >= 1`,
    ),
    rule(
      'notice_mail_collected',
      sql`${t.certificateId} is null or (${t.digestDay} is not null) = (${t.state} = 'collected')`,
    ),
    mailboxForm('notice_mail_email', t.email),
    oneOf('notice_mail_language', t.language, CONTACT_LANGUAGES),
    textLength('notice_mail_message_id', t.messageId, 250),
    oneOf('notice_mail_state', t.state, NOTICE_MAIL_STATES),
    rule('notice_mail_attempt', sql`${t.attempt} >= 0`),
    rule('notice_mail_settled', sql`(${t.settledAt} is null) = (${t.state} in ('pending', 'sending'))`),
    reason('notice_mail_why', t.why),
  ],
);

/** Up to which end of validity everything that is due at a threshold has a notice. */
export const noticeProgress = pgTable(
  'notice_progress',
  { threshold: text('threshold').primaryKey(), notAfter: instant('not_after').notNull() },
  (t) => [rule('notice_progress_threshold', sql`${t.threshold} ~ '^[1-9][0-9]{0,2}[md]$'`)],
);

/** `unread`: about no mail of ours, or no report at all. */
const DELIVERY_REPORT_STATES = ['waiting', 'done', 'unread'] as const;

/** Delivery reports that came over HTTP, until the worker has read them. */
export const deliveryReport = pgTable(
  'delivery_report',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    /** RFC 3464, as it came */
    message: bytea('message').notNull(),
    receivedAt: instant('received_at').notNull(),
    state: text('state', { enum: DELIVERY_REPORT_STATES }).notNull().default('waiting'),
    readAt: instant('read_at'),
  },
  (t) => [
    index('delivery_report_waiting').on(t.id).where(sql`${t.state} = 'waiting'`),
    byteLength('delivery_report_message', t.message, 1, 262_144),
    oneOf('delivery_report_state', t.state, DELIVERY_REPORT_STATES),
    rule('delivery_report_read', sql`(${t.readAt} is null) = (${t.state} = 'waiting')`),
  ],
);
