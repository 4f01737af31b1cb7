import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkMigrations, migrateDatabase } from '#db/migrate.ts';
import { createDatabase } from '../helpers/database.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const refused = { name: 'Refusal', code: 'configuration_invalid' };

let empty: Awaited<ReturnType<typeof createDatabase>>;
let folder: string;
beforeEach(async () => {
  empty = await createDatabase();
  folder = mkdtempSync(join(tmpdir(), 'igc-migrations-'));
  cpSync(join(ROOT, 'db/migrations'), folder, { recursive: true });
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await empty.drop();
});

type Journal = { entries: { idx: number; when: number; tag: string }[] };

function changeJournal(change: (journal: Journal) => void): void {
  const path = join(folder, 'meta/_journal.json');
  const journal: Journal = JSON.parse(readFileSync(path, 'utf8'));
  change(journal);
  writeFileSync(path, JSON.stringify(journal));
}

function addMigration(tag: string, statement: string, when = Date.now() + 1e12): void {
  writeFileSync(join(folder, `${tag}.sql`), statement);
  changeJournal(({ entries }) => entries.push({ ...entries[0], idx: entries.length, when, tag }));
}

async function query(text: string) {
  const client = new Client({ connectionString: empty.url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('an empty database gets every table, and a second run changes nothing', async () => {
  await migrateDatabase(empty.url);
  await migrateDatabase(empty.url);
  await checkMigrations(empty.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  expect(await query('select count(*)::int as applied from drizzle.__drizzle_migrations')).toEqual([
    { applied: files.length },
  ]);
  expect(await query('select position::int from audit_head')).toEqual([{ position: 0 }]);
});

test('several processes that migrate at once do it once', async () => {
  await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(empty.url)));
  await checkMigrations(empty.url);
});

test('a database that is not migrated is refused at start', async () => {
  await expect(checkMigrations(empty.url)).rejects.toMatchObject(refused);
  await migrateDatabase(empty.url);
  addMigration('9999_new', 'select 1');
  await expect(checkMigrations(empty.url, folder)).rejects.toMatchObject(refused);
});

test('a database that a newer version has migrated is left alone', async () => {
  addMigration('9999_new', 'create table from_the_future (id int)');
  await migrateDatabase(empty.url, { folder });
  await migrateDatabase(empty.url);
  await checkMigrations(empty.url);
});

test('a migration that was changed after it was applied is refused', async () => {
  await migrateDatabase(empty.url, { folder });
  writeFileSync(join(folder, '0001_guards.sql'), 'select 1');
  await expect(migrateDatabase(empty.url, { folder })).rejects.toMatchObject(refused);
  await expect(checkMigrations(empty.url, folder)).rejects.toMatchObject({
    ...refused,
    findings: [{ at: '/entries/1' }],
  });
});

test('a migration that was slipped in between, and would be skipped, is refused', async () => {
  await migrateDatabase(empty.url, { folder });
  writeFileSync(join(folder, '0000_between.sql'), 'select 1');
  changeJournal(({ entries }) => {
    const [first, second] = entries;
    if (!first || !second) throw new Error('two migrations are expected');
    entries.splice(1, 0, { ...first, tag: '0000_between', when: first.when + 1 });
    entries.forEach((entry, index) => {
      entry.idx = index;
    });
  });
  await expect(migrateDatabase(empty.url, { folder })).rejects.toMatchObject(refused);
});

test.each([
  [
    'is older than the one before it',
    (journal: Journal) => journal.entries.push({ idx: 2, when: 1, tag: '0001_guards' }),
  ],
  [
    'has a wrong index',
    (journal: Journal) =>
      journal.entries.push({ idx: journal.entries.length + 1, when: Date.now() + 1e12, tag: '0001_guards' }),
  ],
])('a journal in which a migration %s is refused before the database is touched', async (_what, change) => {
  changeJournal(change);
  await expect(migrateDatabase(empty.url, { folder })).rejects.toMatchObject(refused);
  expect(await query("select to_regclass('certificate') as found")).toEqual([{ found: null }]);
});

test('a migration that fails leaves nothing behind', async () => {
  addMigration('9999_fails', 'create table half (id int); select 1 / 0');
  await expect(migrateDatabase(empty.url, { folder })).rejects.toMatchObject({ name: 'QueryError', sqlState: '22012' });
  expect(await query("select to_regclass('half') as half, to_regclass('certificate') as found")).toEqual([
    { half: null, found: null },
  ]);
});

test('a database that is away is an outage', async () => {
  await expect(migrateDatabase('postgresql://127.0.0.1:1/igc')).rejects.toMatchObject({
    name: 'Outage',
    what: 'database',
  });
});

test('rows of transactions that this cluster has not run, as a restored dump has, are refused', async () => {
  await migrateDatabase(empty.url);
  await query(`insert into outbox (xid, task, payload, job_key) values ('4611686018427387904', 't', '{}', 'k')`);
  await expect(migrateDatabase(empty.url)).rejects.toMatchObject(refused);
  await expect(checkMigrations(empty.url)).rejects.toMatchObject(refused);
});

test('the schema in TypeScript and the migrations say the same: drizzle-kit finds nothing to generate', async () => {
  const before = readdirSync(folder).sort();
  const kit = join(ROOT, 'node_modules/drizzle-kit/bin.cjs');
  // drizzle-kit takes `out` from its working folder, even when it is absolute.
  const where = ['--schema', './db/schema/*.ts', '--out', relative(ROOT, folder)];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [kit, 'generate', '--dialect', 'postgresql', ...where],
    {
      cwd: ROOT,
    },
  );
  expect(stdout).toContain('No schema changes');
  expect(readdirSync(folder).sort()).toEqual(before);
});
