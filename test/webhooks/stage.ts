// A database with webhooks and a receiver, a clock that is set by hand, and everything that the worker's loops do, one step at a time.

import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { uuidv7 } from 'uuidv7';
import type { CertificateIntent } from '#db/certificates.ts';
import { appendFeed } from '#db/feed.ts';
import { recordRevocation } from '#db/revocations.ts';
import { WEBHOOK_EVENTS } from '#db/schema/webhooks.ts';
import { type NewWebhook, recordWebhook } from '#db/webhooks.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { NO_METER } from '../../src/meter.ts';
import { recordEndsForWebhooks } from '../../src/webhooks/ends.ts';
import { followFeedForWebhooks } from '../../src/webhooks/follow.ts';
import { createWebhookSender, type WebhookSender } from '../../src/webhooks/send.ts';
import { watchWebhooks } from '../../src/webhooks/watch.ts';
import { issued } from '../db/samples.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { freshDatabase } from '../helpers/database.ts';
import { type ReceivedPost, startWebhookReceiver } from '../helpers/webhook-receiver.ts';
import { policies } from '../policy/policies.ts';

export const MASTER = 'a master secret of the tests, of more than 32 characters';
const YEAR_MS = 365 * 86_400_000;

type Delivery = {
  readonly webhook: string;
  readonly event: string;
  readonly state: string;
  readonly attempt: number;
  readonly status: number | null;
};

/** What the body of a POST says. */
export type ToldDocument = {
  readonly version: number;
  readonly event: string;
  readonly id: string;
  readonly occurredAt: string;
  readonly certificate: Readonly<Record<string, unknown>>;
};
export const documentOf = ({ body }: ReceivedPost): ToldDocument => JSON.parse(body);

export type WebhookStage = Awaited<ReturnType<typeof prepareWebhookStage>>;

export async function prepareWebhookStage() {
  const fresh = await freshDatabase();
  const receiver = await startWebhookReceiver();
  const { read } = fresh.db;
  let now = new Date();
  const log = pino({ level: 'silent' });
  const system = { db: fresh.db, clock: () => now, policies, log, meter: NO_METER };
  const newSender = (monotonic?: () => number): WebhookSender => createWebhookSender(system, MASTER, monotonic);
  const sender = newSender();
  const follow = () => followFeedForWebhooks(system, 'a');
  const ends = () => recordEndsForWebhooks(system);
  return {
    ...{ fresh, receiver, system, newSender, follow, ends },
    now: () => now,
    setClock(moment: string | Date) {
      now = new Date(moment);
    },
    wait(ms: number) {
      now = new Date(now.getTime() + ms);
    },
    /** one that is told of everything, at a path of its own, unless `changes` says more */
    async subscribe(name: string, changes: Partial<NewWebhook> = {}): Promise<string> {
      const id = uuidv7();
      const row = { id, url: `${receiver.url}/${name}`, events: [...WEBHOOK_EVENTS], createdAt: now };
      await recordWebhook(read, { ...row, ...changes });
      return id;
    },
    /** a certificate of the hospital that has just been issued */
    async issue(changes: Partial<CertificateIntent> = {}): Promise<CertificateIntent> {
      const [notBefore, notAfter] = [new Date(now.getTime() - YEAR_MS), new Date(now.getTime() + 2 * YEAR_MS)];
      const subject = `CN=${uuidv7()}.hopital-generique.fr,C=FR`;
      const usual = { notBefore, notAfter, subject, structure: HOSPITAL.structIdNat };
      return await issued(read, { ...usual, ...changes });
    },
    async revoke({ id, issuer, serial }: CertificateIntent): Promise<void> {
      await fresh.db.transaction(async (tx) => {
        const revocation = { certificateId: id, revokedAt: now, reason: 'superseded', actor: 'a' } as const;
        await recordRevocation(tx, revocation);
        await appendFeed(tx, { issuer, serial, revokedAt: now });
      });
    },
    /** its key is known to be compromised, as an operator says it */
    async raise({ id }: CertificateIntent): Promise<void> {
      const actor = { kind: 'operator', id: 'a' } as const;
      await revokeCertificate(system, { id, reason: 'keyCompromise', actor });
    },
    /** the first run of a service begins now */
    async begin(): Promise<void> {
      await follow();
      await ends();
    },
    /** everything that is due, found and told */
    async run(): Promise<void> {
      await follow();
      await ends();
      await sender.step();
      await sender.idle();
    },
    watch: () => watchWebhooks(system),
    async deliveries(): Promise<Delivery[]> {
      const { rows } = await read.execute<Delivery>(sql`
        select regexp_replace(webhook.url, '^.*/', '') as webhook, event || coalesce(' ' || threshold, '') as event,
          state, attempt, last_status as status
        from webhook_delivery join webhook on webhook.id = webhook_id order by webhook_delivery.id`);
      return rows;
    },
    told: (name: string): readonly string[] =>
      receiver.received.filter(({ path }) => path === `/${name}`).map((post) => documentOf(post).id),
    /** forgets webhooks, certificates and alarms, and how the receiver misbehaves */
    async empty(): Promise<void> {
      await fresh.db.transaction(async (tx) => {
        // certificates are never deleted, and the trigger that says so is asked to look away
        await tx.execute(sql`set local session_replication_role = replica`);
        await tx.execute(
          sql`truncate certificate, status_feed, webhook, webhook_delivery, webhook_feed, webhook_ends, alarm, lease cascade`,
        );
      });
      now = new Date();
      receiver.received.length = 0;
      receiver.answer = () => 200;
    },
    async close(): Promise<void> {
      await sender.idle();
      await receiver.close();
      await fresh.drop();
    },
  };
}
