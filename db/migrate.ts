// Brings a database to the schema of this version, one process at a time, and refuses a database whose history is not ours.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client } from 'pg';
import { type Finding, Outage, Refusal } from '../src/errors.ts';
import { buildLateIndexes, missingIndexes } from './late-indexes.ts';
import { translate, translateDriver } from './query-error.ts';

const FOLDER = fileURLToPath(new URL('migrations/', import.meta.url));
// Any fixed number will do; this one says "igc" in ASCII.
const LOCK = 0x69_67_63;
const LOCK_WAIT_MS = 60_000;
const LOCK_POLL_MS = 200;
// Whoever comes behind a migration that waits for a table waits with it, and gives up after five seconds (db/connect.ts).
const TABLE_WAIT_MS = 1_000;
const TABLE_TRIES = 60;

type MigrateOptions = {
  readonly folder?: string;
  /** told in a line what may take long; nothing is in a database that was empty */
  readonly progress?: (line: string) => void;
};

/**
 * Applies the migrations that are missing, in one transaction, and then builds the indexes that are missing, beside a service that
 * may run; safe to repeat and to run from several processes at once.
 * Refusal('configuration_invalid') when the journal is out of order, an applied migration was changed or skipped, or the
 * rows come from another cluster; Outage('database') when the database is away, another process migrates it, or a table was never
 * free. A database that is ahead is left alone.
 */
export async function migrateDatabase(
  url: string,
  { folder = FOLDER, progress = () => {} }: MigrateOptions = {},
): Promise<void> {
  const files = readMigrations(folder);
  await withLockedClient(url, async (client) => {
    const applied = await appliedMigrations(client);
    refuseDifference(files, applied);
    await applyMissing(client, folder);
    await refuseForeignTransactionIds(client);
    // a newer version may have dropped an index of ours
    if (applied.length > files.length) return;
    const told = applied.length === 0 ? () => {} : progress;
    await buildLateIndexes(client, { migrations: files.length, progress: told });
  });
}

/** A table that is not free within a moment is left to its users, and the whole transaction comes again. */
async function applyMissing(client: Client, folder: string): Promise<void> {
  await client.query(`set lock_timeout = ${TABLE_WAIT_MS}`);
  for (let tries = 1; ; tries += 1) {
    try {
      await migrate(drizzle({ client }), { migrationsFolder: folder });
      return;
    } catch (error) {
      if (tries === TABLE_TRIES || !isLockTimeout(translate(error))) throw error;
      await sleep(TABLE_WAIT_MS);
    }
  }
}

/** PostgreSQL Appendix A: lock_not_available. */
const isLockTimeout = (error: unknown): boolean => error instanceof Outage && error.cause === '55P03';

/** Checks, without changing anything, that the database has every migration of this version, and every index; for start-up. */
export async function checkMigrations(url: string, folder: string = FOLDER): Promise<void> {
  const files = readMigrations(folder);
  await withClient(url, async (client) => {
    const applied = await appliedMigrations(client);
    refuseDifference(files, applied);
    const remedy = 'run `scripts/igc hierarchy create`, which migrates first and is safe to repeat';
    if (applied.length < files.length)
      throw refusal('the database is not migrated to this version', applied.length, remedy);
    // without one a search would read the whole table; a newer version may have dropped it
    const [missing] = applied.length > files.length ? [] : await missingIndexes(client, files.length);
    if (missing !== undefined) throw refusal(`the index ${missing} is not built`, applied.length - 1, remedy);
    await refuseForeignTransactionIds(client);
  });
}

type Applied = { readonly hash: string; readonly at: number };

// drizzle applies what is newer than the newest applied migration, so one that is older than its predecessor would be
// skipped without a word.
function readMigrations(folder: string): readonly MigrationMeta[] {
  const journal: unknown = JSON.parse(readFileSync(`${folder}/meta/_journal.json`, 'utf8'));
  const files = readMigrationFiles({ migrationsFolder: folder });
  const entries = (journal as { entries: { idx: number }[] }).entries;
  entries.forEach((entry, index) => {
    const previous = files[index - 1]?.folderMillis ?? 0;
    if (entry.idx !== index || (files[index]?.folderMillis ?? 0) <= previous) {
      throw refusal('the journal of migrations is out of order', index);
    }
  });
  return files;
}

// Applied migrations beyond the files are of a newer version, which may run beside this one.
function refuseDifference(files: readonly MigrationMeta[], applied: readonly Applied[]): void {
  applied.slice(0, files.length).forEach(({ hash, at }, index) => {
    const file = files[index];
    if (file?.hash !== hash || file.folderMillis !== at) {
      throw refusal('the database was migrated by other files than these', index);
    }
  });
}

async function appliedMigrations(client: Client): Promise<Applied[]> {
  const found = await client.query(`select to_regclass('drizzle.__drizzle_migrations') is not null as found`);
  if (!found.rows[0]?.found) return [];
  const { rows } = await client.query('select hash, created_at from drizzle.__drizzle_migrations order by id');
  return rows.map((row) => ({ hash: row.hash, at: Number(row.created_at) }));
}

// The sealer, the relay and the status feed read rows by the transaction that wrote them. A dump restored into a cluster that has
// given out fewer transaction ids would hide its newest rows, revocations among them, until the counter catches up.
async function refuseForeignTransactionIds(client: Client): Promise<void> {
  const newest = ['status_feed', 'audit_event', 'outbox'].map(
    (table) => `(select xid from ${table} order by xid desc limit 1)`,
  );
  const { rows } = await client.query(
    `select 1 from (values ${newest.map((query) => `(${query})`).join(', ')}) as newest (xid)
     where newest.xid >= pg_snapshot_xmax(pg_current_snapshot())`,
  );
  if (rows.length > 0) {
    throw new Refusal(
      'configuration_invalid',
      'the database holds rows of transactions that this cluster has not run yet',
      [
        {
          rule: 'PostgreSQL §26.1 SQL Dump: transaction ids are not restored',
          detail: 'readers up to the oldest running transaction would overlook these rows',
          remedy:
            'restore a physical backup, or raise the epoch of the new cluster with pg_resetwal --epoch before it runs',
        },
      ],
    );
  }
}

const RESTORE = 'restore the migration as it was applied; changes to the schema are new migrations at the end';

function refusal(detail: string, index: number, remedy: string = RESTORE): Refusal {
  const finding: Finding = {
    rule: 'db/migrations/meta/_journal.json',
    at: `/entries/${index}`,
    detail: `${detail}, at migration ${index}`,
    remedy,
  };
  return new Refusal('configuration_invalid', detail, [finding]);
}

// The lock belongs to the session, so it ends with the connection whatever happens to this process.
async function withLockedClient(url: string, act: (client: Client) => Promise<void>): Promise<void> {
  await withClient(url, async (client) => {
    const since = performance.now();
    while (!(await tryLock(client))) {
      if (performance.now() - since > LOCK_WAIT_MS) throw new Outage('database', 'another process is migrating it');
      await sleep(LOCK_POLL_MS);
    }
    await act(client);
  });
}

/** Asked again and again: one who waited inside a statement would be waited for by the index that the holder builds. */
async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as locked', [LOCK]);
  return rows[0]?.locked === true;
}

async function withClient(url: string, act: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({
    ...{ connectionString: url, application_name: 'igc migrate', connectionTimeoutMillis: 5_000 },
    // an index is not built on, nor the lock kept, for a process that is gone
    options: '-c client_connection_check_interval=1s',
  });
  client.on('error', () => {});
  try {
    await client.connect().catch((error) => {
      throw translateDriver(error);
    });
    await act(client);
  } catch (error) {
    throw translate(error);
  } finally {
    await client.end().catch(() => {});
  }
}
