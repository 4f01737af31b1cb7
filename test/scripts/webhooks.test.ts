import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordStructure } from '#db/structures.ts';
import { issued } from '../db/samples.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { prepareService, type Service } from '../helpers/service.ts';
import { signedWith, startWebhookReceiver, type WebhookReceiver } from '../helpers/webhook-receiver.ts';
import { runHere } from './run-igc.ts';

const OPERATOR = `operator:${userInfo().username}`;
const EVERYTHING = '--all-structures';
const MASTER = '0123456789abcdef0123456789abcdef';

let service: Service;
let receiver: WebhookReceiver;
let folder: string;
const igc = (...args: string[]) =>
  runHere({ ...service.environment, WEBHOOK_SECRET_FILE: join(folder, 'secret') }, 'webhook', ...args);
const listed = async () => (await igc('list', '--json')).json();
async function add(...args: string[]): Promise<{ id: string; secret: string }> {
  const [added] = (await igc('add', '--url', `${receiver.url}/hook`, EVERYTHING, '--json', ...args)).json();
  return added as { id: string; secret: string };
}

beforeAll(async () => {
  service = await prepareService();
  receiver = await startWebhookReceiver();
  folder = mkdtempSync(join(tmpdir(), 'igc-webhooks-'));
  writeFileSync(join(folder, 'secret'), `${MASTER}\n`);
  writeFileSync(join(folder, 'short'), 'a secret of 31 characters only.\n');
  await recordStructure(service.database.db.read, { id: uuidv7(), ...HOSPITAL });
});
afterAll(async () => {
  await receiver?.close();
  await service?.stop();
  rmSync(folder, { recursive: true });
});

test.each([
  'http://10.0.0.1/',
  'http://10.0.0.1:8080/hook',
  'http://si.hopital.example.fr/hook',
  'http://localhost.example.fr/',
  'http://localhost@10.0.0.1/',
  'http://127.0.0.1:80@10.0.0.1/',
  'https://name:password@si.hopital.example.fr/',
  'ftp://localhost/',
  'file:///etc/passwd',
  '//localhost/',
  'https://',
  'https://[::1/',
])('%s is refused as an address', async (url) => {
  const { code, stderr } = await igc('add', '--url', url, EVERYTHING);
  expect([code, stderr]).toEqual([3, expect.stringContaining('name_not_allowed')]);
  expect(await listed()).toEqual([]);
});

test('an address is no longer than the database takes', async () => {
  expect((await igc('add', '--url', `https://example.fr/${'x'.repeat(1_100)}`, EVERYTHING)).code).toBe(3);
});

test('an unknown structure, an unknown event, and neither or both of a structure and all are refused', async () => {
  const url = ['--url', 'https://example.fr/'];
  expect((await igc('add', ...url, '--structure', '10B0000000')).code).toBe(3);
  expect((await igc('add', ...url, EVERYTHING, '--event', 'certificate.renewed')).code).toBe(2);
  expect((await igc('add', ...url)).code).toBe(2);
  expect((await igc('add', ...url, EVERYTHING, '--structure', HOSPITAL.structIdNat)).code).toBe(2);
});

test('without a secret to derive from, or with a short one, nothing is added', async () => {
  const args = ['webhook', 'add', '--url', 'https://example.fr/', EVERYTHING];
  const short = { ...service.environment, WEBHOOK_SECRET_FILE: join(folder, 'short') };
  expect((await runHere(service.environment, ...args)).code).toBe(78);
  expect((await runHere(short, ...args)).code).toBe(78);
  expect(await listed()).toEqual([]);
});

test('a rehearsal adds nothing', async () => {
  expect(await add('--dry-run')).toMatchObject({ dryRun: true });
  expect(await listed()).toEqual([]);
});

test('one that is added is listed without its secret, which is printed again and never in the database', async () => {
  const { id, secret } = await add('--event', 'certificate.issued', '--event', 'certificate.revoked');
  expect(Buffer.from(secret, 'base64')).toHaveLength(32);
  expect(await listed()).toMatchObject([
    { id, state: 'enabled', url: `${receiver.url}/hook`, events: ['issued', 'revoked'], failures: 0 },
  ]);
  expect((await igc('list')).stdout).not.toContain(secret);
  expect((await igc('secret', id, '--json')).json()).toEqual([{ id, generation: 1, secret }]);
  const { rows } = await service.database.db.read.execute<{ text: string }>(
    sql`select webhook::text as text from webhook`,
  );
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(secret);
  await igc('remove', id);
});

test('ping tells at once what became of it, signed, and a rotation signs with both secrets', async () => {
  const { id, secret } = await add();
  const pinged = await igc('ping', id, '--json');
  expect(pinged).toMatchObject({ code: 0 });
  expect(pinged.json()).toMatchObject([{ id, outcome: 'told', status: 200, fault: null }]);
  const [post] = receiver.received.splice(0);
  expect(JSON.parse(post?.body ?? '')).toMatchObject({ version: 1, event: 'ping', id: pinged.json()[0]?.event });
  expect(post && signedWith(secret, post)).toEqual([0]);
  const [rotated] = (await igc('rotate', id, '--overlap-days', '1', '--json')).json();
  expect(rotated).toMatchObject({ id, generation: 2 });
  expect(rotated?.secret).not.toBe(secret);
  await igc('ping', id);
  const [both] = receiver.received.splice(0);
  expect(both && [signedWith(String(rotated?.secret), both), signedWith(secret, both)]).toEqual([[0], [1]]);
  const early = await igc('rotate', id, '--overlap-days', '0');
  expect([early.code, early.stdout, early.stderr]).toEqual([3, '', expect.stringContaining('--force')]);
  await igc('ping', id);
  const [still] = receiver.received.splice(0);
  expect(still && signedWith(secret, still)).toEqual([1]);
  await igc('rotate', id, '--overlap-days', '0', '--force');
  await igc('ping', id);
  const [one] = receiver.received.splice(0);
  expect(one && signedWith(String(rotated?.secret), one)).toEqual([]);
  receiver.answer = () => 500;
  expect(await igc('ping', id, '--json')).toMatchObject({ code: 5 });
  receiver.answer = () => 200;
  await igc('remove', id);
});

test('one is disabled, enabled and removed, and what is unknown is not found', async () => {
  const { id } = await add();
  expect((await igc('disable', id, '--json')).json()).toEqual([{ id, changed: true }]);
  expect((await igc('disable', id, '--json')).json()).toEqual([{ id, changed: false }]);
  expect(await listed()).toMatchObject([{ id, state: 'disabled', why: 'operator' }]);
  expect((await igc('enable', id, '--json')).json()).toEqual([{ id, changed: true }]);
  expect(await listed()).toMatchObject([{ id, state: 'enabled', why: null }]);
  expect((await igc('remove', id, '--json')).json()).toEqual([{ id, changed: true }]);
  for (const name of ['remove', 'disable', 'enable', 'secret', 'rotate', 'ping', 'deliveries', 'redeliver', 'drop'])
    expect([name, (await igc(name, id)).code]).toEqual([name, 4]);
  expect((await igc('remove', 'x')).code).toBe(2);
});

test('what was told is listed, and told again on demand', async () => {
  const { id } = await add();
  const { read } = service.database.db;
  const certificate = await issued(read);
  await read.execute(sql`
    insert into webhook_delivery
      (webhook_id, certificate_id, event, reason, occurred_at, next_at, give_up_at, state, settled_at, attempt, last_status)
    select ${id}, ${certificate.id}, event, reason, now(), now(), now(), state, now(), 3, 503
    from (values ('certificate.issued', null, 'delivered'), ('certificate.revoked', 'superseded', 'given_up'))
      as told (event, reason, state)`);
  const deliveries = async (...args: string[]) => (await igc('deliveries', id, '--json', ...args)).json();
  expect(await deliveries('--state', 'given_up')).toMatchObject([
    { state: 'given_up', event: 'certificate.revoked', certificate: certificate.id, attempts: 3, status: 503 },
  ]);
  expect((await igc('drop', id, '--dry-run', '--json')).json()).toEqual([{ id, dropped: 1, dryRun: true }]);
  expect((await igc('redeliver', id, '--json')).json()).toEqual([{ id, waiting: 1 }]);
  expect((await igc('drop', id, '--json')).json()).toEqual([{ id, dropped: 0 }]);
  const [pending, delivered] = await deliveries();
  expect([pending?.state, delivered?.state]).toEqual(['pending', 'delivered']);
  expect((await igc('redeliver', id, '--delivery', String(delivered?.id), '--json')).json()).toEqual([
    { id, waiting: 1 },
  ]);
  expect((await deliveries()).map(({ state }) => state)).toEqual(['pending', 'pending']);
  expect((await igc('redeliver', id, '--delivery', '999999')).code).toBe(4);
  expect((await igc('deliveries', id, '--state', 'lost')).code).toBe(2);
  await read.execute(sql`update webhook_delivery set state = 'given_up', settled_at = now()`);
  expect((await igc('drop', id, '--delivery', String(delivered?.id), '--json')).json()).toEqual([{ id, dropped: 1 }]);
  expect((await igc('drop', id, '--delivery', String(delivered?.id))).code).toBe(4);
  expect((await deliveries()).map(({ state }) => state)).toEqual(['given_up', 'dropped']);
});

test('each act is in the audit under the name of who did it, with the host and without the rest of the address', async () => {
  const { rows } = await service.database.db.read.execute<{ kind: string; actor: string; content: string }>(
    sql`select kind, actor, content::text as content from audit_event where kind like 'webhook_%' order by id`,
  );
  expect(new Set(rows.map(({ kind }) => kind))).toEqual(
    new Set(
      ['added', 'removed', 'disabled', 'enabled', 'secret_shown', 'rotated', 'redelivered', 'dropped'].map(
        (act) => `webhook_${act}`,
      ),
    ),
  );
  expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set([OPERATOR]));
  expect(rows.map(({ content }) => content).join()).not.toContain('/hook');
  expect(rows.filter(({ kind }) => kind === 'webhook_secret_shown')).toHaveLength(1);
});
