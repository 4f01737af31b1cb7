// Events on their way to one webhook: waiting, in the hands of one sender until a moment, or settled. What a dead sender had in its
// hands is another's after that moment, under the same id of the event.

import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { type Present, present } from './rows.ts';
import { type WEBHOOK_DELIVERY_STATES, webhookDelivery } from './schema/webhooks.ts';
import type { Webhook, WebhookEvent } from './webhooks.ts';

export type WebhookDeliveryState = (typeof WEBHOOK_DELIVERY_STATES)[number];
export type WebhookDelivery = Present<typeof webhookDelivery.$inferSelect>;

/** One event in the hands of one sender, with what is said of its certificate and with the webhook as it is now. */
export type ClaimedDelivery = {
  readonly id: string;
  /** this try is the first, second, … */
  readonly attempt: number;
  readonly event: WebhookEvent;
  readonly threshold: string | null;
  /** of a revocation alone, as it was at this event */
  readonly reason: string | null;
  readonly occurredAt: Date;
  readonly giveUpAt: Date;
  readonly webhook: Pick<Webhook, 'id' | 'url' | 'generation' | 'failures'> & { readonly previousUntil: Date | null };
  readonly certificate: {
    readonly id: string;
    readonly profile: string;
    readonly issuer: string;
    /** lower-case hexadecimal */
    readonly serial: string;
    readonly structure: string | null;
    readonly notBefore: Date;
    readonly notAfter: Date;
    readonly revokedAt: Date | null;
  };
};

type ClaimedRow = Omit<ClaimedDelivery, 'webhook' | 'certificate' | 'occurredAt' | 'giveUpAt'> & {
  readonly occurredAt: string;
  readonly giveUpAt: string;
  readonly webhookId: string;
  readonly url: string;
  readonly generation: number;
  readonly failures: number;
  readonly previousUntil: string | null;
  readonly certificateId: string;
  readonly profile: string;
  readonly issuer: string;
  readonly serial: string;
  readonly structure: string | null;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
};

export type Claim = {
  readonly webhookId: string;
  readonly at: Date;
  /** whoever dies with it in hand leaves it to others then */
  readonly until: Date;
};

/**
 * Takes what has waited longest for a webhook into this sender's hands until a moment; undefined when nothing is due, or it is disabled
 * or paused. Several may ask at once, and no two get the same one.
 */
export async function claimDelivery(tx: Tx, { webhookId, at, until }: Claim): Promise<ClaimedDelivery | undefined> {
  const now = sql`${at.toISOString()}::timestamptz`;
  const { rows } = await tx.execute<ClaimedRow>(sql`
    with taken as (
      update webhook_delivery set attempt = attempt + 1, in_hand = true, next_at = ${until.toISOString()}::timestamptz
      where id = (
        select id from webhook_delivery
        where webhook_id = ${webhookId}::uuid and state = 'pending' and next_at <= ${now}
          and exists (
            select from webhook where webhook.id = ${webhookId}::uuid and disabled_at is null
              and (paused_until is null or paused_until <= ${now}))
        order by next_at, id limit 1 for update skip locked)
      returning *)
    select taken.id::text as id, taken.attempt, taken.event, taken.threshold, taken.reason, taken.occurred_at as "occurredAt",
      taken.give_up_at as "giveUpAt", webhook.id as "webhookId", webhook.url, webhook.generation, webhook.failures,
      webhook.previous_until as "previousUntil", c.id as "certificateId", c.profile, c.issuer,
      encode(c.serial, 'hex') as serial, c.structure, c.not_before as "notBefore", c.not_after as "notAfter",
      revocation.revoked_at as "revokedAt"
    from taken join webhook on webhook.id = taken.webhook_id join certificate c on c.id = taken.certificate_id
    left join revocation on revocation.certificate_id = c.id`);
  return rows[0] && readClaimed(rows[0]);
}

const date = (text: string | null): Date | null => (text === null ? null : new Date(text));

const readClaimed = (row: ClaimedRow): ClaimedDelivery => ({
  ...{ id: row.id, attempt: row.attempt, event: row.event, threshold: row.threshold, reason: row.reason },
  occurredAt: new Date(row.occurredAt),
  giveUpAt: new Date(row.giveUpAt),
  webhook: {
    ...{ id: row.webhookId, url: row.url, generation: row.generation, failures: row.failures },
    previousUntil: date(row.previousUntil),
  },
  certificate: {
    ...{ id: row.certificateId, profile: row.profile, issuer: row.issuer, serial: row.serial },
    structure: row.structure,
    notBefore: new Date(row.notBefore),
    notAfter: new Date(row.notAfter),
    revokedAt: date(row.revokedAt),
  },
});

/** Which try of which delivery; whoever comes back after another has taken it over changes nothing. */
type Try = Pick<ClaimedDelivery, 'id' | 'attempt'>;
const isMine = ({ id, attempt }: Try) => and(eq(webhookDelivery.id, BigInt(id)), eq(webhookDelivery.attempt, attempt));

/** Notes that it was taken, though it was given up meanwhile; false when it is in another's hands. */
export async function settleDelivery(
  tx: Tx,
  mine: Try,
  { at, lastStatus }: { readonly at: Date; readonly lastStatus: number },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(webhookDelivery)
    .set({ state: 'delivered', inHand: false, settledAt: at, lastStatus })
    .where(and(isMine(mine), inArray(webhookDelivery.state, ['pending', 'given_up'])));
  return rowCount === 1;
}

/** Puts one back that was not taken, not to be tried before `nextAt`; false when it is in another's hands. */
export async function postponeDelivery(
  tx: Tx,
  mine: Try,
  { nextAt, lastStatus }: { readonly nextAt: Date; readonly lastStatus: number | undefined },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(webhookDelivery)
    .set({ inHand: false, nextAt, lastStatus: lastStatus ?? null })
    .where(and(isMine(mine), eq(webhookDelivery.state, 'pending')));
  return rowCount === 1;
}

export type GivingUp = {
  readonly at: Date;
  /** this delivery alone, or else all that wait for the webhook */
  readonly id?: string;
  /** what was never tried is given up only where nobody has been there since this moment or longer */
  readonly nobodySince: Date;
};

/**
 * From waiting to given up, of what has waited for as long as it may; answers how many. What another has in its hands is that
 * one's to settle.
 */
export async function giveUpDeliveries(tx: Tx, webhookId: string, { at, id, nobodySince }: GivingUp): Promise<number> {
  const now = sql`${at.toISOString()}::timestamptz`;
  const { rowCount } = await tx.execute(sql`
    update webhook_delivery set state = 'given_up', in_hand = false, settled_at = ${now}
    where webhook_id = ${webhookId}::uuid and state = 'pending' and give_up_at <= ${now}
      and not (in_hand and next_at > ${now})
      and (attempt > 0 or exists (
        select from webhook
        where webhook.id = ${webhookId}::uuid and failing_since <= ${nobodySince.toISOString()}::timestamptz))
      ${id === undefined ? sql`` : sql`and id = ${id}::bigint`}`);
  return rowCount ?? 0;
}

/** The deliveries of a webhook, the newest first. */
export async function listDeliveries(
  tx: Tx,
  webhookId: string,
  { state, limit }: { readonly state?: WebhookDeliveryState | undefined; readonly limit: number },
): Promise<WebhookDelivery[]> {
  const { webhookId: of, state: is, id } = webhookDelivery;
  const rows = await tx
    .select()
    .from(webhookDelivery)
    .where(and(eq(of, webhookId), state === undefined ? undefined : eq(is, state)))
    .orderBy(desc(id))
    .limit(limit);
  return rows.map(present);
}

export type Redelivery = {
  readonly at: Date;
  readonly giveUpAt: Date;
  /** one delivery in any state, or all that were given up */
  readonly id?: bigint | undefined;
};

/** Lets deliveries of a webhook wait anew; answers how many. One that waits comes at once. */
export async function redeliver(tx: Tx, webhookId: string, { at, giveUpAt, id }: Redelivery): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    update webhook_delivery set state = 'pending', in_hand = false, settled_at = null, next_at = ${at.toISOString()}::timestamptz,
      give_up_at = ${giveUpAt.toISOString()}::timestamptz, created_at = ${at.toISOString()}::timestamptz
    where webhook_id = ${webhookId}::uuid
      ${id === undefined ? sql`and state = 'given_up'` : sql`and id = ${id.toString()}::bigint`}`);
  return rowCount ?? 0;
}

/** From given up to dropped: one delivery of a webhook, or all; answers how many. They can still be redelivered one by one. */
export async function dropDeliveries(
  tx: Tx,
  webhookId: string,
  { at, id }: { readonly at: Date; readonly id?: bigint | undefined },
): Promise<number> {
  const { webhookId: of, state: is, id: number } = webhookDelivery;
  const { rowCount } = await tx
    .update(webhookDelivery)
    .set({ state: 'dropped', settledAt: at })
    .where(and(eq(of, webhookId), eq(is, 'given_up'), id === undefined ? undefined : eq(number, id)));
  return rowCount ?? 0;
}

/** Webhooks that have deliveries which were given up. */
export async function webhooksGivenUpOn(tx: Tx): Promise<ReadonlySet<string>> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id from webhook
    where exists (select from webhook_delivery d where d.webhook_id = webhook.id and d.state = 'given_up')`);
  return new Set(rows.map(({ id }) => id));
}

/** Nobody needs to know how many more wait. */
const MOST_COUNTED = 100_000;

export type WebhookBacklog = { readonly deliveries: number; readonly oldest: Date | null };

/** What waits for enabled webhooks, counted up to `limit`, and since when what has waited longest. */
export async function webhookBacklog(tx: Tx, limit = MOST_COUNTED): Promise<WebhookBacklog> {
  const waits = sql`delivery.webhook_id = webhook.id and delivery.state = 'pending'`;
  const { rows } = await tx.execute<{ deliveries: number; oldest: string | null }>(sql`
    select (
      select count(*)::int from (
        select from webhook cross join lateral (select from webhook_delivery delivery where ${waits} limit ${limit}) one
        where webhook.disabled_at is null limit ${limit}
      ) counted
    ) as deliveries, (
      select min(first.created_at) from webhook cross join lateral (
        select created_at from webhook_delivery delivery where ${waits} order by created_at limit 1
      ) first where webhook.disabled_at is null
    ) as oldest`);
  return { deliveries: rows[0]?.deliveries ?? 0, oldest: date(rows[0]?.oldest ?? null) };
}
