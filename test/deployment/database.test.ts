// deploy/postgres/owner.sql against a real server: what it makes is enough for the tables, and for nothing else.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrateDatabase } from '#db/migrate.ts';
import { createDatabase } from '../helpers/database.ts';

const SCRIPT = join(import.meta.dirname, '..', '..', 'deploy/postgres/owner.sql');
const ROLE = `igc_test_owner_${randomBytes(6).toString('hex')}`;
const PASSWORD = "it's %L and \\ more";

let database: Awaited<ReturnType<typeof createDatabase>>;
let ownerUrl: string;

/** The script for this database and role; the server may be on another machine, so that the file's content stands for the file. */
function script(): string {
  const name = new URL(database.url).pathname.slice(1);
  const file = "pg_read_file('/run/secrets/database-password')";
  const text = readFileSync(SCRIPT, 'utf8');
  expect(text).toContain(file);
  return text
    .replace(file, () => `E'${PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "''")}\\n'`)
    .replace('create role igc ', `create role ${ROLE} `)
    .replace('alter database igc owner to igc', `alter database ${name} owner to ${ROLE}`);
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows ?? [];
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  database = await createDatabase();
  await query(database.url, script());
  const url = new URL(database.url);
  url.username = ROLE;
  url.password = encodeURIComponent(PASSWORD);
  ownerUrl = url.href;
});
afterAll(async () => {
  const server = new URL(database.url);
  server.pathname = '/postgres';
  await database.drop();
  await query(server.href, `drop role if exists ${ROLE}`);
});

it('the owner makes every table, without being superuser', async () => {
  await migrateDatabase(ownerUrl);
  const [found] = await query(ownerUrl, "select current_user as name, current_setting('is_superuser') as superuser");
  expect(found).toEqual({ name: ROLE, superuser: 'off' });
});

it.each([
  ['reads no file of the server', "select pg_read_file('/etc/hostname')"],
  ['runs no program there', "copy (select 1) to program 'true'"],
  ['makes no account', 'create role igc_test_never'],
  ['makes no database', 'create database igc_test_never'],
])('the owner %s', async (_, text) => {
  await expect(query(ownerUrl, text)).rejects.toMatchObject({ code: '42501' });
});

it('the owner logs in with the line of its password file', async () => {
  const [row] = await query(database.url, `select rolpassword from pg_authid where rolname = '${ROLE}'`);
  const [, iterations, salt, stored] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):/.exec(String(row?.rolpassword)) ?? [];
  const salted = pbkdf2Sync(PASSWORD, Buffer.from(salt ?? '', 'base64'), Number(iterations), 32, 'sha256');
  const key = createHash('sha256').update(createHmac('sha256', salted).update('Client Key').digest()).digest('base64');
  expect(key).toBe(stored);
});
