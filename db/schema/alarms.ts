// Tables of what is wrong now and was wrong before, of who was told, and of the workers that live.

import { sql } from 'drizzle-orm';
import { index, integer, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { instant, int8, oneOf, rule, textLength } from './columns.ts';

/** One row from the raising of an alarm to its end; raised again after that, it is another row. */
export const alarm = pgTable(
  'alarm',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    detail: text('detail').notNull(),
    raisedAt: instant('raised_at').notNull(),
    lastSeenAt: instant('last_seen_at').notNull(),
    times: integer('times').notNull().default(1),
    acknowledgedAt: instant('acknowledged_at'),
    acknowledgedBy: text('acknowledged_by'),
    clearedAt: instant('cleared_at'),
  },
  (t) => [
    uniqueIndex('alarm_open').on(t.kind, t.subject).where(sql`${t.clearedAt} is null`),
    index('alarm_by_time').on(t.raisedAt),
    // Not a list of words: the kinds are src/alarms' own, and a new one is no migration.
    rule('alarm_kind', sql`${t.kind} ~ '^[a-z][a-z_]{0,63}$'`),
    textLength('alarm_subject', t.subject, 256),
    textLength('alarm_detail', t.detail, 1000),
    rule('alarm_times', sql`${t.times} >= 1`),
    rule('alarm_seen', sql`${t.lastSeenAt} >= ${t.raisedAt}`),
    rule('alarm_acknowledged', sql`(${t.acknowledgedAt} is null) = (${t.acknowledgedBy} is null)`),
    textLength('alarm_acknowledged_by', t.acknowledgedBy, 256),
  ],
);

/** What a channel tells of an alarm. */
export const ALARM_EVENTS = ['raised', 'cleared'] as const;

/** That a channel has told an event; what is not here is still to be told. */
export const alarmDelivery = pgTable(
  'alarm_delivery',
  {
    alarmId: int8('alarm_id')
      .notNull()
      .references(() => alarm.id, { onDelete: 'cascade' }),
    channel: text('channel').notNull(),
    event: text('event', { enum: ALARM_EVENTS }).notNull(),
    deliveredAt: instant('delivered_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'alarm_delivery_pkey', columns: [t.alarmId, t.channel, t.event] }),
    rule('alarm_delivery_channel', sql`${t.channel} ~ '^[a-z][a-z_]{0,31}$'`),
    oneOf('alarm_delivery_event', t.event, ALARM_EVENTS),
  ],
);

/** A running graphile-worker, under the name by which it locks jobs. */
export const workerHeartbeat = pgTable(
  'worker_heartbeat',
  {
    worker: text('worker').primaryKey(),
    startedAt: instant('started_at').notNull(),
    seenAt: instant('seen_at').notNull(),
  },
  (t) => [textLength('worker_heartbeat_worker', t.worker, 128)],
);
