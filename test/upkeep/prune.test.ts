import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pagesOf, pruneRows } from '#db/upkeep.ts';
import { pruneEndedRows } from '../../src/upkeep/prune.ts';
import { issued } from '../db/samples.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const NOW = new Date('2030-06-01T00:00:00Z');
const daysAgo = (days: number): string => new Date(NOW.getTime() - days * 86_400_000).toISOString();
const prune = (): Promise<number> => pruneEndedRows({ db: fresh.db, clock: () => NOW });
const run = (text: string) => fresh.db.read.execute(sql.raw(text));
const left = async (column: string, table: string): Promise<unknown[]> =>
  (await run(`select ${column} as it from ${table} order by 1`)).rows.map(({ it }) => it);
const key = (name: string, columns: string, values: string) =>
  run(`insert into idempotency (actor, route, key, body_digest, ${columns})
    values ('a', 'r', '${name}', decode(repeat('42', 32), 'hex'), ${values})`);

test('an Idempotency-Key is kept for a quarter beyond its certificate, its refusal, or its last claim', async () => {
  const ended = await issued(fresh.db.read, { notAfter: new Date(daysAgo(91)) });
  const valid = await issued(fresh.db.read, { notAfter: new Date(daysAgo(89)) });
  const old = `'${daysAgo(1000)}'`;
  await key('ended', 'state, certificate_id, created_at', `'done', '${ended.id}', ${old}`);
  await key('valid', 'state, certificate_id, created_at', `'done', '${valid.id}', ${old}`);
  await key('refused', 'state, refusal, created_at', `'done', '{}', '${daysAgo(91)}'`);
  await key('refused lately', 'state, refusal, created_at', `'done', '{}', '${daysAgo(89)}'`);
  await key('forsaken', 'state, lease_until, created_at', `'running', '${daysAgo(91)}', ${old}`);
  await key('running', 'state, lease_until, created_at', `'running', '${daysAgo(0)}', ${old}`);
  expect(await prune()).toBe(3);
  expect(await left('key', 'idempotency')).toEqual(['refused lately', 'running', 'valid']);
});

test('alarms go a year after their end, open ones never; copies that fell silent go after a month', async () => {
  for (const [subject, cleared] of [
    ['old', `'${daysAgo(367)}'`],
    ['recent', `'${daysAgo(365)}'`],
    ['open', 'null'],
  ]) {
    await run(`insert into alarm (kind, subject, detail, raised_at, last_seen_at, cleared_at)
      values ('list_stale', '${subject}', 'd', '${daysAgo(900)}', '${daysAgo(900)}', ${cleared})`);
  }
  await run(
    `insert into feed_reader (copy, xid, position, seen_at) values ('silent', '1', 0, '${daysAgo(31)}'), ('alive', '1', 0, '${daysAgo(29)}')`,
  );
  expect(await prune()).toBe(2);
  expect(await left('subject', 'alarm')).toEqual(['open', 'recent']);
  expect(await left('copy', 'feed_reader')).toEqual(['alive']);
  expect(await prune()).toBe(0);
});

test('what a webhook was told goes a quarter after it was settled, and what waits never', async () => {
  const webhook = '018f0000-0000-7000-8000-000000000000';
  await run(
    `insert into webhook (id, url, events) values ('${webhook}', 'https://example.fr/', '{certificate.issued}')`,
  );
  const tell = async (name: string, state: string, settled: string): Promise<void> => {
    const { id } = await issued(fresh.db.read, { subject: `CN=${name}` });
    await run(`insert into webhook_delivery (webhook_id, certificate_id, event, occurred_at, next_at, give_up_at, state, settled_at)
      values ('${webhook}', '${id}', 'certificate.issued', '${daysAgo(900)}', '${daysAgo(900)}', '${daysAgo(900)}', '${state}', ${settled})`);
  };
  await tell('told long ago', 'delivered', `'${daysAgo(91)}'`);
  await tell('told lately', 'delivered', `'${daysAgo(89)}'`);
  await tell('given up', 'given_up', `'${daysAgo(91)}'`);
  await tell('waiting', 'pending', 'null');
  expect(await prune()).toBe(2);
  expect(await left('subject', 'webhook_delivery join certificate on certificate.id = certificate_id')).toEqual([
    'CN=told lately',
    'CN=waiting',
  ]);
});

test('delivery reports go a month after they were read, and unread ones never', async () => {
  await run(`insert into delivery_report (message, received_at, state, read_at) values
    ('old', '${daysAgo(99)}', 'done', '${daysAgo(31)}'), ('recent', '${daysAgo(99)}', 'unread', '${daysAgo(29)}'),
    ('waiting', '${daysAgo(99)}', 'waiting', null)`);
  expect(await prune()).toBe(1);
  expect(await left(`convert_from(message, 'utf8')`, 'delivery_report')).toEqual(['recent', 'waiting']);
});

test('rows are deleted from the pages that were named, and every page is named by and by', async () => {
  await run(`insert into feed_reader (copy, xid, position, seen_at)
    select 'copy ' || n, '1', 0, '${daysAgo(99)}' from generate_series(1, 60000) n`);
  const pages = await pagesOf(fresh.db.read, 'silent_feed_readers');
  expect(pages).toBeGreaterThan(256);
  const before = new Date(daysAgo(30));
  const first = await pruneRows(fresh.db.read, 'silent_feed_readers', { before, from: 0, pages: 1 });
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(200);
  const { rows } = await run(
    `explain delete from feed_reader where ctid >= '(0,0)'::tid and ctid < '(1,0)'::tid and seen_at < now()`,
  );
  expect(JSON.stringify(rows)).toContain('Tid Range Scan');
  expect(await prune()).toBe(60_000 - first);
  expect(await left('copy', 'feed_reader')).toEqual(['alive']);
});
