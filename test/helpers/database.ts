// A database for one test file: cloned from a template that is migrated once per set of migrations, dropped at the end.

import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Client } from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '#db/connect.ts';
import { migrateDatabase } from '#db/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
  }
}

export type FreshDatabase = {
  /** where a process of its own finds it */
  readonly url: string;
  readonly db: Database;
  /** closes `db` and removes the database, whoever is still connected */
  drop(): Promise<void>;
};

const MIGRATIONS = new URL('../../db/migrations/', import.meta.url);
// Any fixed number: one process makes the template, the others wait.
const TEMPLATE_LOCK = 0x74_65_6d;

/** A migrated, empty database of its own. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const template = await migratedTemplate();
  const { url, drop } = await createDatabase(`template ${template}`);
  const db = openDatabase(url, { applicationName: 'igc test' });
  return {
    url,
    db,
    drop: async () => {
      await db.close();
      await drop();
    },
  };
}

/** An empty database without the schema, or made as `options` of CREATE DATABASE say. */
export async function createDatabase(options = ''): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `igc_test_${randomBytes(6).toString('hex')}`;
  await administer((client) => client.query(`create database ${name} ${options}`));
  return {
    url: urlOf(name),
    drop: () => administer((client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

async function migratedTemplate(): Promise<string> {
  const name = `igc_template_${digestOfMigrations()}`;
  await administer(async (client) => {
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rows } = await client.query('select datistemplate from pg_database where datname = $1', [name]);
    if (rows[0]?.datistemplate) return;
    // A database by this name that is no template was left by a run that died half-way.
    await client.query(`drop database if exists ${name} with (force)`);
    await client.query(`create database ${name}`);
    await migrateDatabase(urlOf(name));
    await client.query(`alter database ${name} with is_template true allow_connections false`);
  });
  return name;
}

function digestOfMigrations(): string {
  const hash = createHash('sha256').update(readFileSync(new URL('../late-indexes.ts', MIGRATIONS)));
  for (const file of readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.sql'))
    .sort()) {
    hash.update(file).update(readFileSync(new URL(file, MIGRATIONS)));
  }
  return hash.digest('hex').slice(0, 12);
}

function urlOf(database: string): string {
  const url = new URL(inject('databaseUrl'));
  url.pathname = `/${database}`;
  return url.href;
}

async function administer(act: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}
