// Events as they are found, and how far they were looked for. Each becomes a row for every webhook that is to be told of it, once,
// however often it is found.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import type { FeedCursor, WrittenFeedRow } from './feed.ts';
import { type EndCursor, ends, replaced } from './notices.ts';
import type { RevocationReason } from './revocations.ts';
import { webhookEnds, webhookFeed } from './schema/webhooks.ts';
import type { WebhookEvent } from './webhooks.ts';

export type FoundEvent = {
  readonly certificateId: string;
  /** structIdNat of the structure it belongs to */
  readonly structure: string | null;
  readonly event: WebhookEvent;
  /** of `certificate.expiring` alone */
  readonly threshold?: string;
  /** of a revocation alone, as it was at this event */
  readonly reason?: RevocationReason;
  readonly occurredAt: Date;
};

/** When a row is recorded, and the moment after which a try that fails is the last. */
export type Recording = { readonly at: Date; readonly giveUpAt: Date };

/** Writes what is new for each enabled webhook that asked for such events, of this structure or of all. Answers how many rows. */
export async function recordEvents(
  tx: Tx,
  events: readonly FoundEvent[],
  { at, giveUpAt }: Recording,
): Promise<number> {
  if (events.length === 0) return 0;
  const { rowCount } = await tx.execute(sql`
    insert into webhook_delivery
      (webhook_id, certificate_id, event, threshold, reason, occurred_at, next_at, give_up_at, created_at)
    select webhook.id, found."certificateId", found.event, found.threshold, found.reason, found."occurredAt",
      ${at.toISOString()}::timestamptz, ${giveUpAt.toISOString()}::timestamptz, ${at.toISOString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(events)}::jsonb)
      as found ("certificateId" uuid, structure text, event text, threshold text, reason text, "occurredAt" timestamptz)
    join webhook on webhook.disabled_at is null and found.event = any (webhook.events)
      and (webhook.structure is null or webhook.structure = found.structure)
    order by found."occurredAt", found."certificateId", webhook.id
    on conflict do nothing`);
  return rowCount ?? 0;
}

/** Whether any enabled webhook asks for one of these. */
export async function isAskedFor(tx: Tx, events: readonly WebhookEvent[]): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from webhook where disabled_at is null and events && string_to_array(${events.join()}, ',') limit 1`);
  return rows.length > 0;
}

type FeedEvent = {
  readonly id: string;
  readonly structure: string | null;
  readonly event: WebhookEvent;
  readonly reason: RevocationReason | null;
  readonly at: string;
};

/**
 * What rows of the feed tell of certificates that somebody asked for: those of the service itself, and burnt ones, are nobody's. The
 * row that the raise of a reason wrote tells of that, whenever it is read; the one before tells of the reason that was given first.
 */
export async function eventsOfFeed(tx: Tx, rows: readonly WrittenFeedRow[]): Promise<FoundEvent[]> {
  const told = rows.map(({ issuer, serial, revokedAt, xid }) => ({
    ...{ issuer, serial: Buffer.from(serial).toString('hex'), revokedAt, xid: String(xid) },
  }));
  const found = await tx.execute<FeedEvent>(sql`
    select c.id, c.structure, event.* from jsonb_to_recordset(${JSON.stringify(told)}::jsonb)
      as told (issuer text, serial text, "revokedAt" timestamptz, xid text)
    join certificate c on c.issuer = told.issuer and c.serial = decode(told.serial, 'hex')
    left join revocation on revocation.certificate_id = c.id
    left join revocation_raise raise on raise.certificate_id = c.id
    cross join lateral (
      select 'certificate.issued' as event, null as reason, c.settled_at as at where told."revokedAt" is null
      union all
      select 'certificate.revoked', coalesce(raise.reason_before, revocation.reason), told."revokedAt"
      where told."revokedAt" is not null and raise.xid is distinct from told.xid::xid8
      union all
      select 'certificate.revocation_reason_raised', revocation.reason, raise.raised_at where raise.xid = told.xid::xid8
    ) event
    where c.state = 'issued' and c.actor_kind <> 'system'`);
  return found.rows.map(({ id, at, reason, ...event }) => ({
    ...{ certificateId: id, ...event, occurredAt: new Date(at) },
    ...(reason === null ? {} : { reason }),
  }));
}

/** A certificate whose end lies in a range. */
export type Ending = {
  readonly id: string;
  readonly structure: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

export type EndsPage = {
  readonly after: EndCursor;
  /** the last end, inclusive */
  readonly upTo: Date;
  readonly limit: number;
  /** without those that have a successor, of whose end nobody is warned */
  readonly unreplaced: boolean;
};

/** Certificates that end in a range and are not revoked, by end, as the index certificate_by_end has them. */
export async function listEnds(tx: Tx, { after, upTo, limit, unreplaced }: EndsPage): Promise<Ending[]> {
  // the largest id, so that without one the walk goes on behind all that end then
  const id = after.id ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  const { rows } = await tx.execute<{ id: string; structure: string | null; notBefore: string; notAfter: string }>(sql`
    select c.id, c.structure, c.not_before as "notBefore", c.not_after as "notAfter" from certificate c
    where ${ends}
      and (c.not_after, c.id) > (${after.notAfter.toISOString()}::timestamptz, ${id}::uuid)
      and c.not_after <= ${upTo.toISOString()}::timestamptz
      ${unreplaced ? sql`and not ${replaced}` : sql``}
    order by c.not_after, c.id limit ${limit}`);
  return rows.map(({ notBefore, notAfter, ...row }) => ({
    ...row,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
  }));
}

/** How far the feed was followed; undefined before anybody looked. */
export async function webhookFeedCursor(tx: Tx): Promise<FeedCursor | undefined> {
  const [row] = await tx.select().from(webhookFeed);
  return row && { xid: row.xid, position: row.position };
}

/** Before the oldest transaction that still runs: whatever is committed from now on lies behind it, and little that was before. */
export async function presentFeedCursor(tx: Tx): Promise<FeedCursor> {
  const { rows } = await tx.execute<{ xid: string }>(sql`select pg_snapshot_xmin(pg_current_snapshot()) as xid`);
  return { xid: BigInt(rows[0]?.xid ?? 0), position: 0n };
}

/** Notes how far the feed was followed. */
export async function recordWebhookFeedCursor(tx: Tx, { xid, position }: FeedCursor): Promise<void> {
  await tx
    .insert(webhookFeed)
    .values({ oneRow: true, xid, position })
    .onConflictDoUpdate({ target: webhookFeed.oneRow, set: { xid, position } });
}

/** How far ends were looked for, by threshold, or for `expired`. */
export async function webhookEndsSeen(tx: Tx): Promise<ReadonlyMap<string, Date>> {
  const rows = await tx.select().from(webhookEnds);
  return new Map(rows.map(({ what, notAfter }) => [what, notAfter]));
}

/** Notes how far; never goes back. */
export async function recordWebhookEnds(tx: Tx, what: string, notAfter: Date): Promise<void> {
  await tx
    .insert(webhookEnds)
    .values({ what, notAfter })
    .onConflictDoUpdate({
      target: webhookEnds.what,
      set: { notAfter: sql`greatest(${webhookEnds.notAfter}, excluded.not_after)` },
    });
}
