// Alarms: one open row for each thing that is wrong, renewed while it lasts and ended when it is over. Channels deliver from here.

import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { type Present, present } from './rows.ts';
import { type ALARM_EVENTS, alarm, alarmDelivery } from './schema/alarms.ts';

export type AlarmEvent = (typeof ALARM_EVENTS)[number];

/** What an alarm is about: at most one of the same kind and subject is open. */
export type AlarmPlace = {
  /** snake_case, at most 64 characters */
  readonly kind: string;
  /** an identifier of ours, at most 256 characters; never a name or an address of a person */
  readonly subject: string;
};

export type NewAlarm = AlarmPlace & {
  /** at most 1,000 characters, without personal data */
  readonly detail: string;
  readonly at: Date;
};

export type Alarm = Present<typeof alarm.$inferSelect>;

/** Opens an alarm, or renews the one that is open; true when it is a new one. `at` may lie before the row's last time: times never go back. */
export async function recordAlarm(tx: Tx, { kind, subject, detail, at }: NewAlarm): Promise<boolean> {
  const [row] = await tx
    .insert(alarm)
    .values({ kind, subject, detail, raisedAt: at, lastSeenAt: at })
    .onConflictDoUpdate({
      target: [alarm.kind, alarm.subject],
      targetWhere: isNull(alarm.clearedAt),
      set: {
        detail,
        times: sql`${alarm.times} + 1`,
        lastSeenAt: sql`greatest(${alarm.lastSeenAt}, excluded.last_seen_at)`,
      },
    })
    .returning({ times: alarm.times });
  return row?.times === 1;
}

/** Ends the open alarm of this kind and subject; false when there is none. */
export async function endAlarm(tx: Tx, { kind, subject }: AlarmPlace, at: Date): Promise<boolean> {
  const { rowCount } = await tx
    .update(alarm)
    .set({ clearedAt: notBefore(at) })
    .where(and(eq(alarm.kind, kind), eq(alarm.subject, subject), isNull(alarm.clearedAt)));
  return rowCount === 1;
}

/** Ends an open alarm by id and answers it; undefined when it is unknown or ended already. */
export async function endAlarmById(tx: Tx, id: bigint, at: Date): Promise<Alarm | undefined> {
  const [row] = await tx
    .update(alarm)
    .set({ clearedAt: notBefore(at) })
    .where(and(eq(alarm.id, id), isNull(alarm.clearedAt)))
    .returning();
  return row && present(row);
}

/** Notes that a person knows of an open alarm, which stays open; undefined when it is unknown, ended, or somebody knows already. */
export async function acknowledgeAlarm(
  tx: Tx,
  id: bigint,
  { at, by }: { readonly at: Date; readonly by: string },
): Promise<Alarm | undefined> {
  const [row] = await tx
    .update(alarm)
    .set({ acknowledgedAt: at, acknowledgedBy: by })
    .where(and(eq(alarm.id, id), isNull(alarm.clearedAt), isNull(alarm.acknowledgedAt)))
    .returning();
  return row && present(row);
}

/** Finds an alarm by id, open or not. */
export async function findAlarm(tx: Tx, id: bigint): Promise<Alarm | undefined> {
  const [row] = await tx.select().from(alarm).where(eq(alarm.id, id));
  return row && present(row);
}

/** Alarms, the newest first: the open ones, or with `ended` all that are kept. */
export async function listAlarms(
  tx: Tx,
  { kind, ended = false, limit = 1_000 }: { kind?: string; ended?: boolean; limit?: number } = {},
): Promise<Alarm[]> {
  const rows = await tx
    .select()
    .from(alarm)
    .where(and(ended ? undefined : isNull(alarm.clearedAt), kind === undefined ? undefined : eq(alarm.kind, kind)))
    .orderBy(desc(alarm.raisedAt), desc(alarm.id))
    .limit(limit);
  return rows.map(present);
}

/** What the open alarms of a kind are about. */
export const openSubjects = async (tx: Tx, kind: string): Promise<ReadonlySet<string>> =>
  new Set((await listAlarms(tx, { kind })).map(({ subject }) => subject));

/** How many alarms of each kind are open. */
export async function countOpenAlarms(tx: Tx): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .select({ kind: alarm.kind, open: sql<number>`count(*)::int` })
    .from(alarm)
    .where(isNull(alarm.clearedAt))
    .groupBy(alarm.kind);
  return new Map(rows.map(({ kind, open }) => [kind, open]));
}

/** A time that a row may take as its end: the clock of who ends it may be behind that of who raised it. */
const notBefore = (at: Date) => sql`greatest(${at.toISOString()}::timestamptz, ${alarm.lastSeenAt})`;

export type UndeliveredAlarm = Alarm & { readonly event: AlarmEvent };

/**
 * What a channel has not told yet, the oldest first: that an alarm was raised, and after that that it was cleared. What happened
 * before `since` and is over is not told any more, so a channel that is new does not begin with the past.
 */
export async function listUndelivered(
  tx: Tx,
  channel: string,
  { since, limit }: { readonly since: Date; readonly limit: number },
): Promise<UndeliveredAlarm[]> {
  const { rows } = await tx.execute<{ id: string; event: AlarmEvent }>(sql`
    select id::text as id, event from (
      select id, 'raised' as event, raised_at as at from alarm
        where cleared_at is null or cleared_at >= ${since.toISOString()}::timestamptz
      union all
      select id, 'cleared', cleared_at from alarm where cleared_at >= ${since.toISOString()}::timestamptz
    ) told
    where not exists (
      select from alarm_delivery delivery
      where delivery.alarm_id = told.id and delivery.event = told.event and delivery.channel = ${channel}
    )
    order by at, id, event desc limit ${limit}`);
  const found: UndeliveredAlarm[] = [];
  for (const { id, event } of rows) {
    const row = await findAlarm(tx, BigInt(id));
    if (row !== undefined) found.push({ ...row, event });
  }
  return found;
}

/** Notes that a channel has told an event; false when another process had noted it before. */
export async function recordDelivery(
  tx: Tx,
  delivery: {
    readonly alarmId: bigint;
    readonly channel: string;
    readonly event: AlarmEvent;
    readonly deliveredAt: Date;
  },
): Promise<boolean> {
  const { rowCount } = await tx.insert(alarmDelivery).values(delivery).onConflictDoNothing();
  return rowCount === 1;
}

/** How often a channel has told something since a moment: events that were told together have one time. */
export async function countTellings(tx: Tx, channel: string, since: Date): Promise<number> {
  const { rows } = await tx.execute<{ tellings: number }>(sql`
    select count(distinct delivered_at)::int as tellings from alarm_delivery
    where channel = ${channel} and delivered_at > ${since.toISOString()}::timestamptz`);
  return rows[0]?.tellings ?? 0;
}
