// SIGKILL of the worker between a webhook's answer and our note of it: the next worker tells it once more, under the same id, and
// what was noted is not told again. The worker finds everything by itself: issuance, revocation and ends, without any mail.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import type { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WEBHOOK_EVENTS } from '#db/schema/webhooks.ts';
import { recordWebhook } from '#db/webhooks.ts';
import { webhookSecret } from '../../src/webhooks/secret.ts';
import { issued } from '../db/samples.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { connectionsEnded, connectTo, eventually, waitingForLock } from '../helpers/faults.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';
import { hang, signedWith, startWebhookReceiver, type WebhookReceiver } from '../helpers/webhook-receiver.ts';

const MASTER = 'a master secret of the tests, of more than 32 characters';

let service: Service;
let receiver: WebhookReceiver;
let watch: Client;
let folder: string;
let webhook: string;
const workers: RunningRole[] = [];

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  service = await prepareService();
  watch = await connectTo(service.database.url);
  folder = mkdtempSync(join(tmpdir(), 'igc-webhooks-'));
  writeFileSync(join(folder, 'secret'), MASTER);
  webhook = uuidv7();
  const row = { id: webhook, url: `${receiver.url}/hook`, events: [...WEBHOOK_EVENTS], createdAt: new Date() };
  await recordWebhook(service.database.db.read, row);
  // the first run of a service begins with the present
  start();
  await eventually('the worker looks', async () => {
    const { rows } = await service.database.db.read.execute(
      sql`select from webhook_feed, webhook_ends where what = 'expired'`,
    );
    return rows.length === 1;
  });
  await kill();
}, 60_000);
afterEach(kill);
afterAll(async () => {
  await watch?.end();
  await service?.stop();
  await receiver?.close();
  rmSync(folder, { recursive: true });
});

function start(): void {
  workers.push(service.start('worker', { WEBHOOK_SECRET_FILE: join(folder, 'secret') }));
}
async function kill(): Promise<void> {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await connectionsEnded(watch, 'worker');
  // what a dead worker had to itself is another's half a minute later
  await service.database.db.read.execute(sql`update lease set expires_at = now() where name = 'webhook_events'`);
}
const issue = async (): Promise<string> => {
  const now = Date.now();
  const validity = { notBefore: new Date(now - 86_400_000), notAfter: new Date(now + 800 * 86_400_000) };
  return (await issued(service.database.db.read, { ...validity, structure: HOSPITAL.structIdNat })).id;
};
const stateOf = async (id: string): Promise<string | undefined> => {
  const { rows } = await service.database.db.read.execute<{ state: string }>(
    sql`select state from webhook_delivery where certificate_id = ${id}`,
  );
  return rows[0]?.state;
};
const isDelivered = (id: string) => eventually('it is delivered', async () => (await stateOf(id)) === 'delivered');
const told = (id: string) => receiver.received.filter(({ headers }) => String(headers['igc-event-id']).endsWith(id));
/** The time after which the delivery of a dead worker is another's has passed. */
const leaseOver = () =>
  service.database.db.read.execute(sql`update webhook_delivery set next_at = now() where state = 'pending'`);

it('while the receiver has not answered: it comes again, under the same id', async () => {
  const id = await issue();
  receiver.answer = () => hang;
  start();
  await eventually('it was asked', () => told(id).length === 1);
  await kill();
  expect(await stateOf(id)).toBe('pending');
  receiver.answer = () => 200;
  await leaseOver();
  start();
  await isDelivered(id);
  expect(told(id).map(({ headers }) => headers['igc-event-id'])).toEqual([
    `certificate.issued/${id}`,
    `certificate.issued/${id}`,
  ]);
}, 60_000);

it('between the answer and our note of it: it comes again, signed anew, and never a third time', async () => {
  const id = await issue();
  const lock = await connectTo(service.database.url);
  receiver.answer = () => hang;
  start();
  const waiting = await eventually('it was asked', () => told(id)[0]);
  await lock.query('begin');
  await lock.query('select from webhook_delivery where certificate_id = $1 for update', [id]);
  receiver.release();
  await eventually(
    'noting waits',
    async () => (await waitingForLock(watch, 'worker', 'update "webhook_delivery"')) > 0,
  );
  await kill();
  await lock.end();
  expect(await stateOf(id)).toBe('pending');
  receiver.answer = () => 200;
  await leaseOver();
  start();
  await isDelivered(id);
  await kill();
  start();
  const next = await issue();
  await isDelivered(next);
  expect(told(id)).toHaveLength(2);
  for (const post of [waiting, ...told(id), ...told(next)])
    expect(signedWith(webhookSecret(MASTER, webhook, 1), post)).toEqual([0]);
}, 60_000);

it('two workers tell what was issued while none ran, each event once', async () => {
  const ids: string[] = [];
  for (let count = 0; count < 30; count += 1) ids.push(await issue());
  receiver.received.length = 0;
  start();
  start();
  for (const id of ids) await isDelivered(id);
  expect(receiver.received.map(({ headers }) => headers['igc-event-id']).sort()).toEqual(
    ids.map((id) => `certificate.issued/${id}`).sort(),
  );
}, 60_000);
