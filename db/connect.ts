// Opens the database and runs transactions. A database that is away is an Outage; nothing here ever ends the process.

import { sql } from 'drizzle-orm';
import { Pool, type PoolClient } from 'pg';
import { Outage } from '../src/errors.ts';
import { translateDriver } from './query-error.ts';
import { queriesOn, type Tx } from './session.ts';

export type { Tx } from './session.ts';

export type Database = {
  /** Queries outside a transaction, each committed by itself. */
  readonly read: Tx;
  /**
   * Runs `act` in one transaction, read committed unless `isolation` says more. Rolls back and rethrows what `act` throws.
   * Outage('database') when the connection or COMMIT is lost: the transaction may or may not have happened.
   */
  transaction<T>(act: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Asks whether the database answers; Outage('database') when it does not. */
  ping(): Promise<void>;
  /** Connections of this process: how many there are, how many of them do nothing, how many requests wait for one. */
  connections(): { readonly total: number; readonly idle: number; readonly waiting: number };
  /** Waits for running queries and closes every connection; may be called twice. */
  close(): Promise<void>;
};

type TransactionOptions = {
  readonly isolation?: 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
};

export type DatabaseOptions = {
  /** shown in pg_stat_activity */
  readonly applicationName: string;
  /** connections at most; 10 unless told */
  readonly max?: number;
  /** longest statement, in milliseconds; 20,000 unless told */
  readonly statementTimeoutMs?: number;
  /** longest wait for a lock, in milliseconds; 5,000 unless told */
  readonly lockTimeoutMs?: number;
  /** longest pause of ours inside a transaction, in milliseconds; 15,000 unless told */
  readonly idleInTransactionTimeoutMs?: number;
  /** longest wait for a connection, in milliseconds; 5,000 unless told */
  readonly connectTimeoutMs?: number;
  /** told of connections lost while no query was running on them, by code only */
  readonly onConnectionLost?: (code: string) => void;
};

/** Prepares a pool; connects at the first query, so it succeeds while the database is away. */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  const pool = openPool(url, options);
  let closing: Promise<void> | undefined;
  return {
    read: queriesOn(pool),
    transaction: (act, how = {}) => runTransaction(pool, act, how),
    ping: async () => {
      await queriesOn(pool).execute(sql`select 1`);
    },
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}

function openPool(url: string, options: DatabaseOptions): Pool {
  const statementTimeout = options.statementTimeoutMs ?? 20_000;
  const pool = new Pool({
    connectionString: url,
    application_name: options.applicationName,
    max: options.max ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    statement_timeout: statementTimeout,
    // The server ends slow statements; this ends those whose server no longer answers.
    query_timeout: statementTimeout + 5_000,
    lock_timeout: options.lockTimeoutMs ?? 5_000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 15_000,
    keepAlive: true,
    // Times are read as text; a server set to another style would swap day and month without a word. And a statement that waits is
    // given up once whoever sent it is gone: it would commit by itself later, when recovery has already looked.
    options: '-c datestyle=iso -c timezone=utc -c client_connection_check_interval=1s',
  });
  // Without a handler, a connection that breaks while nobody waits on it ends the process: idle ones report to the pool,
  // those in use to themselves.
  const lost = (error: unknown) => {
    const translated = translateDriver(error);
    options.onConnectionLost?.(translated instanceof Outage ? String(translated.cause) : 'unknown');
  };
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

async function runTransaction<T>(pool: Pool, act: (tx: Tx) => Promise<T>, options: TransactionOptions): Promise<T> {
  const client = await driver(() => pool.connect());
  let broken = false;
  try {
    await driver(() => client.query(beginStatement(options)));
    const result = await act(queriesOn(client));
    await commit(client);
    return result;
  } catch (error) {
    broken = error instanceof Outage && error.what === 'database' ? true : !(await rollback(client));
    throw error;
  } finally {
    // A connection in doubt is closed, which makes the server roll back what it has not committed.
    client.release(broken);
  }
}

function beginStatement({ isolation = undefined, readOnly = false }: TransactionOptions): string {
  const level = isolation ?? 'read committed';
  return `begin isolation level ${level} ${readOnly ? 'read only' : 'read write'}`;
}

async function commit(client: PoolClient): Promise<void> {
  const { command } = await driver(() => client.query('commit'));
  // PostgreSQL answers ROLLBACK, without an error, when a statement had failed and `act` went on regardless.
  if (command !== 'COMMIT') throw new Error('the transaction had failed before it was committed');
}

async function rollback(client: PoolClient): Promise<boolean> {
  try {
    await client.query('rollback');
    return true;
  } catch {
    return false;
  }
}

async function driver<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translateDriver(error);
  }
}
