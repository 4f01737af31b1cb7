// A version is rolled out while people order, revoke and search: what brings the database to its schema holds none of them up.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkMigrations, migrateDatabase } from '#db/migrate.ts';
import { createDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/faults.ts';

const MIGRATIONS = join(import.meta.dirname, '../../db/migrations');
/** Those before have been applied everywhere, and stay as they are. */
const FIRST = '0008';
const files = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql') && name >= FIRST);

const statementsOf = (text: string): string[] =>
  text
    .split('--> statement-breakpoint')
    .flatMap((part) => part.replace(/^\s*--.*$/gm, '').split(/;\s*$/m))
    .map((statement) => statement.trim().replace(/\s+/g, ' '))
    .filter((statement) => statement !== '');

/** What is over in a moment whatever a table holds that was there before: `fresh` are those of the same file. */
function isQuick(statement: string, fresh: ReadonlySet<string>): boolean {
  if (/^create (table|function|or replace function) /i.test(statement)) return true;
  const touched =
    /^(?:create (?:unique )?index .*? on|alter table|create trigger .*? on|insert into) "?(\w+)"?/i.exec(
      statement,
    )?.[1] ?? '';
  if (fresh.has(touched)) return !/^insert .*\bselect\b/i.test(statement);
  return /^alter table "\w+" (add column "\w+" \w+( default (-?\d+|'[^']*'|true|false))?( not null)?|add constraint .* not valid)$/i.test(
    statement,
  );
}

describe.each(files)('%s', (file) => {
  it('builds no index on a table that was there before, and reads and writes none of its rows', () => {
    const statements = statementsOf(readFileSync(join(MIGRATIONS, file), 'utf8'));
    const fresh = new Set(statements.flatMap((statement) => /^create table "(\w+)"/i.exec(statement)?.[1] ?? []));
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.filter((statement) => !isQuick(statement, fresh))).toEqual([]);
  });
});

describe('a database of the version before', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let folder: string;
  let connections: Client[];
  beforeEach(async () => {
    connections = [];
    database = await createDatabase();
    folder = mkdtempSync(join(tmpdir(), 'igc-migrations-'));
    cpSync(MIGRATIONS, folder, { recursive: true });
    const path = join(folder, 'meta/_journal.json');
    const { entries, ...rest } = JSON.parse(readFileSync(path, 'utf8'));
    const before = entries.filter(({ tag }: { tag: string }) => tag < FIRST);
    writeFileSync(path, JSON.stringify({ ...rest, entries: before }));
    await migrateDatabase(database.url, { folder });
  });
  afterEach(async () => {
    for (const connection of connections) await connection.end();
    rmSync(folder, { recursive: true });
    await database.drop();
  });

  /** Somebody at work, who gives up as soon as everybody does. */
  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: database.url });
    client.on('error', () => {});
    await client.connect();
    await client.query("set lock_timeout = '5s'");
    connections.push(client);
    return client;
  }

  /** What an issuance, a revocation and a search need of these tables; the locks are the same without a row. */
  const actAndSearch = async (client: Client): Promise<void> => {
    await client.query('update certificate set actor = actor where false');
    await client.query('select from certificate_store join certificate on id = certificate_id limit 1');
    await client.query('delete from certificate_store where false');
  };

  const pids = async (client: Client, part: string): Promise<number[]> => {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and wait_event_type = 'Lock' and query ilike $1`,
      [`%${part}%`],
    );
    return rows.map(({ pid }) => pid);
  };
  const indexes = async (client: Client): Promise<Record<string, boolean>> => {
    const { rows } = await client.query<{ name: string; usable: boolean }>(
      `select relname as name, indisvalid as usable from pg_index join pg_class on oid = indexrelid
     where relname like 'certificate_store_%mailbox%'`,
    );
    return Object.fromEntries(rows.map(({ name, usable }) => [name, usable]));
  };

  it('while an index is built on a large table the service goes on, and one that was interrupted is built again', async () => {
    const [busy, other] = [await connect(), await connect()];
    // a transaction that was open before: the index waits for its end
    await busy.query('begin; delete from certificate_store where false');
    const interrupted = migrateDatabase(database.url).catch((error: unknown) => error);
    const [builder] = await eventually('the index waits', async () => {
      const found = await pids(other, 'create index concurrently');
      return found.length > 0 && found;
    });
    await actAndSearch(other);
    await other.query('select pg_terminate_backend($1)', [builder]);
    expect(await interrupted).toMatchObject({ name: 'Outage', what: 'database' });
    expect(await indexes(other)).toEqual({ certificate_store_any_mailbox: false, certificate_store_mailboxes: true });
    // nobody would search through a whole table for want of it
    await expect(checkMigrations(database.url)).rejects.toMatchObject({ code: 'configuration_invalid' });
    await busy.query('commit');
    const told: string[] = [];
    await migrateDatabase(database.url, { progress: (line) => told.push(line) });
    expect(await indexes(other)).toEqual({ certificate_store_any_mailbox: true });
    await checkMigrations(database.url);
    await migrateDatabase(database.url, { progress: (line) => told.push(line) });
    expect(told).toEqual([expect.stringContaining('certificate_store_any_mailbox')]);
  });

  it('a migration that waits for a table lets those pass who came behind it, and is applied when the table is free', async () => {
    const [busy, other] = [await connect(), await connect()];
    await busy.query('begin; update certificate set actor = actor where false');
    const migrated = migrateDatabase(database.url);
    for (let times = 0; times < 2; times += 1) {
      await eventually('it waits', async () => (await pids(other, 'alter table')).length > 0);
      await actAndSearch(other);
    }
    await busy.query('commit');
    await migrated;
    expect(await indexes(other)).toEqual({ certificate_store_any_mailbox: true });
  });

  it('the indexes of the schema are there, all of them usable, and no others', async () => {
    const snapshots = readdirSync(join(MIGRATIONS, 'meta')).filter((name) => name.endsWith('_snapshot.json'));
    const newest = readFileSync(join(MIGRATIONS, 'meta', snapshots.sort().at(-1) ?? ''), 'utf8');
    const tables: { name: string; indexes: Record<string, unknown> }[] = Object.values(JSON.parse(newest).tables);
    await migrateDatabase(database.url);
    const { rows } = await (await connect()).query<{ name: string }>(
      `select relname as name from pg_index join pg_class on oid = indexrelid
     where relnamespace = 'public'::regnamespace and indisvalid
       and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))`,
    );
    const expected = tables.flatMap((table) => Object.keys(table.indexes));
    expect(rows.map(({ name }) => name).sort()).toEqual(expected.sort());
  });
});
