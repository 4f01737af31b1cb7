// The webhook against a real receiver that checks signatures, refuses, is away and comes back.

import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { endAlarm, recordAlarm } from '#db/alarms.ts';
import { deliverAlarms } from '../../src/alarms/deliver.ts';
import { openWebhook } from '../../src/alarms/webhook.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { createPatience } from '../../src/patience.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { refusalOf } from '../helpers/refusal.ts';

const SECRET = 'a secret of the two of them';
const NOON = new Date('2026-11-29T12:00:00Z');
const STALE = { kind: 'list_stale', subject: 'ACI-EL-ORG-TEST' };
const WRONG = { kind: 'ocsp_wrong', subject: 'ACI-EL-ORG-TEST' };

type Received = { readonly headers: IncomingHttpHeaders; readonly body: string };

let fresh: FreshDatabase;
let url: string;
let folder: string;
let received: Received[] = [];
/** the status of each answer, by event id; 200 unless told; 0 ends the connection */
let answers: Record<string, number> = {};

const receiver = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    received.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    const status = answers[String(request.headers['igc-event-id']).replace(/\d+/, 'n')] ?? answers.all ?? 200;
    if (status === 0) response.destroy();
    else response.writeHead(status).end();
  });
});

beforeAll(async () => {
  fresh = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), 'igc-webhook-'));
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  writeFileSync(join(folder, 'short'), 'short\n');
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await fresh?.drop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  received = [];
  answers = {};
  await fresh.db.read.execute(sql`delete from alarm`);
  await fresh.db.read.execute(sql`update lease set expires_at = now()`);
});

function systemOf(environment: Record<string, string>) {
  const config = loadConfig({ LOG_LEVEL: 'silent', ...environment });
  return { config, db: fresh.db, clock: () => NOON, log: createLog(config, 'test') };
}

/** A worker's own delivery; `wait` moves its clock of pauses. */
function worker(holder = 'a') {
  const system = systemOf({ ALARM_WEBHOOK_URL: url, ALARM_WEBHOOK_SECRET_FILE: join(folder, 'secret') });
  const channel = openWebhook(system);
  if (channel === undefined) throw new Error('it is configured');
  let now = 0;
  const patience = createPatience(() => now);
  return {
    deliver: () => deliverAlarms(system, { channel, holder, patience }),
    wait: (ms: number) => {
      now += ms;
    },
  };
}
const raise = (place = STALE, at = NOON) => recordAlarm(fresh.db.read, { ...place, detail: 'too old', at });
const events = (): string[] => received.map(({ body }) => `${JSON.parse(body).kind} ${JSON.parse(body).event}`);

test('what was raised is told once, signed over time and body, and its end after it', async () => {
  const { deliver } = worker();
  await raise();
  expect(await deliver()).toBe(1);
  expect(await deliver()).toBe(0);
  await endAlarm(fresh.db.read, STALE, NOON);
  expect(await deliver()).toBe(1);
  expect(events()).toEqual(['list_stale raised', 'list_stale cleared']);
  for (const { headers, body } of received) {
    const [, t = '', v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['igc-signature'])) ?? [];
    expect(Number(t)).toBe(NOON.getTime() / 1_000);
    expect(v1).toBe(createHmac('sha256', SECRET).update(`${t}.${body}`).digest('hex'));
  }
  expect(new Set(received.map(({ headers }) => headers['igc-event-id'])).size).toBe(2);
  expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ about: 'ACI-EL-ORG-TEST', detail: 'too old', times: 1 });
});

test.each([
  ['whose connection breaks', 0],
  ['that is overloaded', 503],
])('a receiver %s is left alone for a while, longer each time, and told all when it is back', async (_, status) => {
  const { deliver, wait } = worker();
  answers = { all: status };
  await raise();
  await raise(WRONG, new Date(NOON.getTime() + 1));
  expect(await deliver()).toBe(0);
  expect(received).toHaveLength(1);
  expect(await deliver()).toBeUndefined();
  wait(3_000);
  await deliver();
  wait(3_000);
  await deliver();
  expect(received).toHaveLength(2);
  answers = {};
  wait(3_000);
  expect(await deliver()).toBe(2);
  expect(events().slice(2)).toEqual(['list_stale raised', 'ocsp_wrong raised']);
});

test('an event that is refused does not hold the others, but its own end waits for it', async () => {
  const { deliver, wait } = worker();
  answers = { 'alarm-n-raised': 400 };
  await raise();
  await endAlarm(fresh.db.read, STALE, NOON);
  expect(await deliver()).toBe(0);
  answers = {};
  await raise(WRONG);
  expect(await deliver()).toBe(1);
  expect(events()).toEqual(['list_stale raised', 'ocsp_wrong raised']);
  wait(3_000);
  expect(await deliver()).toBe(2);
  expect(events().slice(2)).toEqual(['list_stale raised', 'list_stale cleared']);
});

test('of two workers one delivers, and the other goes on when it is gone', async () => {
  const [first, second] = [worker('a'), worker('b')];
  await raise();
  expect(await first.deliver()).toBe(1);
  await raise(WRONG);
  expect(await second.deliver()).toBeUndefined();
  await fresh.db.read.execute(sql`update lease set expires_at = now()`);
  expect(await second.deliver()).toBe(1);
  expect(events()).toEqual(['list_stale raised', 'ocsp_wrong raised']);
});

test('without an address there is no webhook; with one, a secret of some length is needed', () => {
  const configured = (file: string) => systemOf({ ALARM_WEBHOOK_URL: url, ALARM_WEBHOOK_SECRET_FILE: file });
  expect(openWebhook(systemOf({}))).toBeUndefined();
  expect(refusalOf(() => openWebhook(systemOf({ ALARM_WEBHOOK_URL: url })))).toMatchObject({
    code: 'configuration_invalid',
  });
  for (const name of ['short', 'missing'])
    expect(refusalOf(() => openWebhook(configured(join(folder, name)))).code).toBe('configuration_invalid');
});
