// A version is rolled out while processes of the version before it still run on the same database. What today's processes write is
// recorded, and written again as the version before would have written it: with the columns alone that its schema has.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkMigrations, migrateDatabase } from '#db/migrate.ts';
import type { CertificateDocument } from '../helpers/api-client.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { answerAtLast, connectTo, eventually, newOrder, respondersReady, settleIn } from '../helpers/faults.ts';
import { recordedWrites, recordWrites, rowsOf, type Write } from '../helpers/recorded-writes.ts';
import { type KnownTable, schemaAfter } from '../helpers/schema-before.ts';
import { prepareService, type Service } from '../helpers/service.ts';

/**
 * The last migration of each version whose processes may run beside today's. When today's is rolled out everywhere, its own becomes
 * the only one, and what is only there for the versions before may go in the next.
 */
const BEFORE = [1, 2];
/** Columns that stay empty in a row of the version before, as `table.column`, and why today's processes can live with that. */
const LEFT_EMPTY: Readonly<Record<string, string>> = {};

const MIGRATIONS = join(import.meta.dirname, '../../db/migrations');

let service: Service;
let today: Client;
let writes: readonly Write[];

beforeAll(async () => {
  const database = await freshDatabase();
  today = await connectTo(database.url);
  await recordWrites(today);
  service = await prepareService({ database });
  await runForAWhile();
  writes = await recordedWrites(today);
}, 90_000);

afterAll(async () => {
  await today?.end();
  await service?.stop();
});

/** Every role does everything that it does from an empty database on, and ends. */
async function runForAWhile(): Promise<void> {
  service.start('signer issuing');
  service.start('signer ocsp');
  const administrator = (await settleIn(service))();
  const running = (['api', 'public', 'worker'] as const).map((role) => service.start(role));
  await eventually('the api answers', async () => (await administrator.get('/readyz'))?.statusCode === 200);
  await respondersReady(today);
  const { id } = (await answerAtLast(administrator, newOrder())).json<CertificateDocument>();
  await answerAtLast(administrator, newOrder());
  for (const reason of ['superseded', 'keyCompromise'])
    expect((await administrator.revoke(id, reason))?.statusCode).toBe(200);
  await eventually('it is listed, and everything else is done', async () => {
    const { rows } = await today.query(`select
      exists (select from crl where state = 'published' and entries > 0) and exists (select from feed_reader)
      and not exists (select from outbox)
      and (select count(*) from audit_chain) = (select count(*) from audit_event) as done`);
    return rows[0]?.done === true;
  });
  await Promise.all(running.map((role) => role.stop()));
}

const list = (columns: readonly string[]): string => columns.map((column) => `"${column}"`).join(', ');

/** A recorded write as a statement that names nothing but what the version before knows; $1 is the row. */
function statementBefore({ table, act }: Write, { written, changed, primaryKey }: KnownTable): string {
  const row = `jsonb_populate_record(null::${table}, $1)`;
  const same = `(${list(primaryKey)}) = (select ${list(primaryKey)} from ${row})`;
  if (act === 'INSERT')
    return `insert into ${table} (${list(written)}) overriding system value select ${list(written)} from ${row}`;
  if (act === 'UPDATE')
    return `update ${table} set (${list(changed)}) = (select ${list(changed)} from ${row}) where ${same}`;
  return `delete from ${table} where ${same}`;
}

describe.each(BEFORE)('beside processes that know the schema after migration %i', (migration) => {
  const tables = schemaAfter(migration);
  let shared: FreshDatabase;
  let client: Client;
  beforeAll(async () => {
    shared = await freshDatabase();
    client = await connectTo(shared.url);
  });
  afterAll(async () => {
    await client?.end();
    await shared?.drop();
  });

  it('every table that they write is among what is written here', () => {
    const written = new Set(writes.map(({ table }) => table));
    expect(tables.map(({ name }) => name).filter((name) => !written.has(name))).toEqual([]);
  });

  it('every column that they read is there, with its type, and every key that their ON CONFLICT names', async () => {
    const { rows: columns } = await client.query<{ table: string; name: string; type: string }>(`
      select attrelid::regclass::text as "table", attname as name, format_type(atttypid, atttypmod) as type
      from pg_attribute join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped`);
    const types = new Map(columns.map(({ table, name, type }) => [`${table}.${name}`, type]));
    const { rows: keys } = await client.query<{ key: string }>(`
      select indrelid::regclass || ' ' || (select string_agg(attname, ',' order by attname) from pg_attribute
        where attrelid = indrelid and attnum = any (indkey)) as key
      from pg_index where indisunique and indpred is null`);
    const unique = new Set(keys.map(({ key }) => key));
    for (const { name, types: known, uniqueKeys } of tables) {
      for (const [column, type] of known) expect(types.get(`${name}.${column}`), `${name}.${column}`).toBe(type);
      for (const key of uniqueKeys) expect(unique).toContain(`${name} ${key.toSorted().join()}`);
    }
  });

  it('what they write is taken, and is what today’s processes write, in every column', async () => {
    for (const write of writes) {
      const known = tables.find(({ name }) => name === write.table);
      if (known === undefined) continue;
      const { rowCount } = await client.query(statementBefore(write, known), [JSON.stringify(write.row)]);
      expect(rowCount, `${write.act} ${write.table}`).toBe(1);
    }
    const full = ({ name }: KnownTable, row: Write['row']): Write['row'] =>
      Object.fromEntries(Object.entries(row).filter(([column]) => !(`${name}.${column}` in LEFT_EMPTY)));
    for (const table of tables) {
      const [theirs, ours] = [await rowsOf(client, table.name), await rowsOf(today, table.name)];
      expect(
        theirs.map((row) => full(table, row)),
        table.name,
      ).toEqual(ours.map((row) => full(table, row)));
    }
  });
});

describe('a process of the version before', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'igc-migrations-'));
    cpSync(MIGRATIONS, folder, { recursive: true });
    const journal = join(folder, 'meta/_journal.json');
    const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8'));
    writeFileSync(journal, JSON.stringify({ ...rest, entries: entries.slice(0, Math.min(...BEFORE) + 1) }));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('starts on a database that today’s version has migrated, and migrates nothing back', async () => {
    await checkMigrations(service.database.url, folder);
    await migrateDatabase(service.database.url, { folder });
    await checkMigrations(service.database.url);
  });
});
