// Webhooks as operators keep them, and how each of them is doing.

import { and, eq, isNull, lte, or, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { type Present, present } from './rows.ts';
import { type WEBHOOK_EVENTS, webhook } from './schema/webhooks.ts';

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];
export type Webhook = Present<typeof webhook.$inferSelect>;
export type NewWebhook = Pick<Webhook, 'id' | 'url' | 'structure' | 'events' | 'createdAt'>;

/** Adds a webhook: from now on it is told of what happens. */
export async function recordWebhook(tx: Tx, row: NewWebhook): Promise<void> {
  await tx.insert(webhook).values(row);
}

/** Every webhook, the oldest first. */
export async function listWebhooks(tx: Tx): Promise<Webhook[]> {
  return (await tx.select().from(webhook).orderBy(webhook.id)).map(present);
}

/** Finds a webhook by id. */
export async function findWebhook(tx: Tx, id: string): Promise<Webhook | undefined> {
  const [row] = await tx.select().from(webhook).where(eq(webhook.id, id));
  return row && present(row);
}

/** Removes a webhook with everything that it was told, or still was to be; false when there is none. */
export async function removeWebhook(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.delete(webhook).where(eq(webhook.id, id));
  return rowCount === 1;
}

/** From enabled to disabled; false when it is disabled or unknown. */
export async function disableWebhook(
  tx: Tx,
  id: string,
  { at, why }: { readonly at: Date; readonly why: NonNullable<Webhook['disabledWhy']> },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(webhook)
    .set({ disabledAt: at, disabledWhy: why })
    .where(and(eq(webhook.id, id), isNull(webhook.disabledAt)));
  return rowCount === 1;
}

/** From disabled to enabled; what waited goes on, and is given up no earlier than `giveUpAt`. False when it is enabled or unknown. */
export async function enableWebhook(
  tx: Tx,
  id: string,
  { at, giveUpAt }: { readonly at: Date; readonly giveUpAt: Date },
): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    with enabled as (
      update webhook set disabled_at = null, disabled_why = null, failures = 0, failing_since = null, paused_until = null
      where id = ${id}::uuid and disabled_at is not null returning id
    ), again as (
      update webhook_delivery set next_at = ${at.toISOString()}::timestamptz, give_up_at = ${giveUpAt.toISOString()}::timestamptz
      where webhook_id in (select id from enabled) and state = 'pending'
    )
    select from enabled`);
  return rowCount === 1;
}

export type Rotation = {
  readonly at: Date;
  readonly previousUntil: Date;
  /** though an overlap runs, whose older secret signs nothing from now on */
  readonly force?: boolean | undefined;
};

/**
 * One generation of its secret more; until `previousUntil` the one before signs as well. Answers the webhook as it is then; undefined
 * when it is unknown, or an overlap runs: only one secret before is kept, and that one was promised to its end.
 */
export async function rotateWebhookSecret(
  tx: Tx,
  id: string,
  { at, previousUntil, force = false }: Rotation,
): Promise<Webhook | undefined> {
  const isFree = or(isNull(webhook.previousUntil), lte(webhook.previousUntil, at));
  const [row] = await tx
    .update(webhook)
    .set({ generation: sql`${webhook.generation} + 1`, previousUntil })
    .where(and(eq(webhook.id, id), force ? undefined : isFree))
    .returning();
  return row && present(row);
}

/** Nobody was there, once more: nothing is tried before `pausedUntil`. Of several tries at once the first counts. */
export async function pauseWebhook(
  tx: Tx,
  id: string,
  { at, pausedUntil }: { readonly at: Date; readonly pausedUntil: Date },
): Promise<void> {
  await tx
    .update(webhook)
    .set({
      failures: sql`${webhook.failures} + 1`,
      failingSince: sql`coalesce(${webhook.failingSince}, ${at.toISOString()}::timestamptz)`,
      pausedUntil,
    })
    .where(and(eq(webhook.id, id), or(isNull(webhook.pausedUntil), lte(webhook.pausedUntil, at))));
}

/** Somebody is there. */
export async function resumeWebhook(tx: Tx, id: string): Promise<void> {
  await tx
    .update(webhook)
    .set({ failures: 0, failingSince: null, pausedUntil: null })
    .where(and(eq(webhook.id, id), sql`${webhook.failures} > 0`));
}

/** Those that are enabled, not paused, and have something that is due. */
export async function webhooksWithWork(tx: Tx, at: Date): Promise<string[]> {
  const now = sql`${at.toISOString()}::timestamptz`;
  const { rows } = await tx.execute<{ id: string }>(sql`
    select webhook.id from webhook
    where disabled_at is null and (paused_until is null or paused_until <= ${now})
      and exists (
        select from webhook_delivery delivery
        where delivery.webhook_id = webhook.id and delivery.state = 'pending' and delivery.next_at <= ${now})
    order by webhook.id`);
  return rows.map(({ id }) => id);
}
