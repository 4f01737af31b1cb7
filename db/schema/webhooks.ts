// Tables of the webhooks: who is told of which events, each event on its way to each of them, and how far events were looked for.

import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { certificate } from './certificates.ts';
import { createdAt, instant, int8, oneOf, oneRow, rule, textLength, xid8 } from './columns.ts';
import { REVOCATION_REASONS } from './revocations.ts';

/** `expiring`: a threshold of policies/notices.yaml has passed; `expired`: the end has. */
export const WEBHOOK_EVENTS = [
  'certificate.issued',
  'certificate.revoked',
  'certificate.revocation_reason_raised',
  'certificate.expiring',
  'certificate.expired',
] as const;

/** `operator`: a person disabled it; `gone`: the receiver said so (410). */
const DISABLED_WHY = ['operator', 'gone'] as const;

/** Who is told. There is no secret here: each is derived from the one in WEBHOOK_SECRET_FILE, `id` and `generation`. */
export const webhook = pgTable(
  'webhook',
  {
    id: uuid('id').primaryKey(),
    url: text('url').notNull(),
    /** structIdNat of the structure whose certificates alone it is told of; none: of all */
    structure: text('structure'),
    events: text('events', { enum: WEBHOOK_EVENTS }).array().notNull(),
    /** of the secret: one more at each rotation */
    generation: integer('generation').notNull().default(1),
    /** until then, what is sent is signed with the secret of the generation before as well */
    previousUntil: instant('previous_until'),
    /** set: nothing is recorded for it, and nothing is sent to it */
    disabledAt: instant('disabled_at'),
    disabledWhy: text('disabled_why', { enum: DISABLED_WHY }),
    /** how often in a row nobody was there or nothing was taken, since when, and how long nothing is tried for that */
    failures: integer('failures').notNull().default(0),
    failingSince: instant('failing_since'),
    pausedUntil: instant('paused_until'),
    createdAt: createdAt(),
  },
  (t) => [
    // The form of src/config.ts once more: what is sent is encrypted or stays on this machine, and no `@` puts a name before another host.
    rule(
      'webhook_url',
      sql`char_length(${t.url}) <= 1024 and ${t.url} ~ '^[!-?A-~]+$' and ${t.url} ~ '^(https://[^/?#\\\\]|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]{1,5})?([/?]|$))'`,
    ),
    textLength('webhook_structure', t.structure, 64),
    rule(
      'webhook_events',
      sql`cardinality(${t.events}) >= 1 and ${t.events} <@ array['certificate.issued', 'certificate.revoked', 'certificate.revocation_reason_raised', 'certificate.expiring', 'certificate.expired']`,
    ),
    rule('webhook_generation', sql`${t.generation} >= 1`),
    rule('webhook_previous', sql`${t.previousUntil} is null or ${t.generation} > 1`),
    rule('webhook_disabled', sql`(${t.disabledAt} is null) = (${t.disabledWhy} is null)`),
    oneOf('webhook_disabled_why', t.disabledWhy, DISABLED_WHY),
    rule('webhook_failures', sql`${t.failures} >= 0`),
    rule('webhook_failing', sql`(${t.failingSince} is null) = (${t.failures} = 0)`),
    rule('webhook_paused', sql`${t.pausedUntil} is null or ${t.failures} > 0`),
  ],
);

/** `given_up`: tried for as long as it may be, and never taken; `dropped`: so too, and a person has let go of it. */
export const WEBHOOK_DELIVERY_STATES = ['pending', 'delivered', 'given_up', 'dropped'] as const;

/** One event on its way to one webhook, whoever finds it and however often. */
export const webhookDelivery = pgTable(
  'webhook_delivery',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    webhookId: uuid('webhook_id')
      .notNull()
      .references(() => webhook.id, { onDelete: 'cascade' }),
    certificateId: uuid('certificate_id')
      .notNull()
      .references(() => certificate.id),
    event: text('event', { enum: WEBHOOK_EVENTS }).notNull(),
    /** of `certificate.expiring` alone, as the policy names it */
    threshold: text('threshold'),
    /** of a revocation alone, as it was at this event: it may be raised later, which is another event */
    reason: text('reason', { enum: REVOCATION_REASONS }),
    occurredAt: instant('occurred_at').notNull(),
    state: text('state', { enum: WEBHOOK_DELIVERY_STATES }).notNull().default('pending'),
    attempt: integer('attempt').notNull().default(0),
    /** a sender has it, until `nextAt` at the latest */
    inHand: boolean('in_hand').notNull().default(false),
    /** not tried before; of one in the hands of a sender: whoever sends has given up by then, and another may try */
    nextAt: instant('next_at').notNull(),
    /** a try that fails after this is the last */
    giveUpAt: instant('give_up_at').notNull(),
    /** of the last answer */
    lastStatus: integer('last_status'),
    settledAt: instant('settled_at'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('webhook_delivery_once').on(t.webhookId, t.certificateId, t.event, t.threshold).nullsNotDistinct(),
    index('webhook_delivery_waiting').on(t.webhookId, t.nextAt, t.id).where(sql`${t.state} = 'pending'`),
    index('webhook_delivery_oldest').on(t.webhookId, t.createdAt).where(sql`${t.state} = 'pending'`),
    index('webhook_delivery_given_up').on(t.webhookId, t.id).where(sql`${t.state} = 'given_up'`),
    oneOf('webhook_delivery_event', t.event, WEBHOOK_EVENTS),
    rule(
      'webhook_delivery_threshold',
      sql`(${t.threshold} is not null) = (${t.event} = 'certificate.expiring') and ${t.threshold} ~ '^[1-9][0-9]{0,2}[md]$'`,
    ),
    rule(
      'webhook_delivery_reason',
      sql`(${t.reason} is not null) = (${t.event} in ('certificate.revoked', 'certificate.revocation_reason_raised'))`,
    ),
    oneOf('webhook_delivery_reason_word', t.reason, REVOCATION_REASONS),
    oneOf('webhook_delivery_state', t.state, WEBHOOK_DELIVERY_STATES),
    rule('webhook_delivery_attempt', sql`${t.attempt} >= 0`),
    rule('webhook_delivery_in_hand', sql`${t.state} = 'pending' or not ${t.inHand}`),
    rule('webhook_delivery_last_status', sql`${t.lastStatus} between 100 and 599`),
    rule('webhook_delivery_settled', sql`(${t.settledAt} is null) = (${t.state} = 'pending')`),
  ],
);

/** How far the status feed was followed: the one row is there once somebody has looked. */
export const webhookFeed = pgTable(
  'webhook_feed',
  { oneRow: oneRow(), xid: xid8('xid').notNull(), position: int8('position').notNull() },
  (t) => [rule('webhook_feed_one_row', sql`${t.oneRow}`), rule('webhook_feed_position', sql`${t.position} >= 0`)],
);

/** Up to which end of validity ends were looked for: for each threshold, and for `expired`. */
export const webhookEnds = pgTable(
  'webhook_ends',
  { what: text('what').primaryKey(), notAfter: instant('not_after').notNull() },
  (t) => [rule('webhook_ends_what', sql`${t.what} ~ '^([1-9][0-9]{0,2}[md]|expired)$'`)],
);
