import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findCertificate, recordIntent } from '#db/certificates.ts';
import { databaseTime } from '#db/clock.ts';
import { type Database, type DatabaseOptions, openDatabase, type Tx } from '#db/connect.ts';
import { QueryError, violates } from '#db/query-error.ts';
import { recordStructure } from '#db/structures.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { intent } from './samples.ts';

let fresh: FreshDatabase;
const opened: { close(): unknown }[] = [];
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => fresh.drop());

const outage = { name: 'Outage', what: 'database' };

function open(url: string, options: Partial<DatabaseOptions> = {}): Database {
  const db = openDatabase(url, { applicationName: 'igc test', connectTimeoutMs: 2_000, ...options });
  opened.push(db);
  return db;
}

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'nothing',
    (error) => error,
  );
}

const ping = (tx: Tx) => tx.execute(sql`select 1`);

/** Everything that a log could print of an error. */
function printed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [
    error.message,
    error.stack,
    JSON.stringify(error),
    error.cause === undefined ? '' : printed(error.cause),
  ].join();
}

test('a transaction commits what it did, and takes back all of it when it throws', async () => {
  const { db } = fresh;
  const kept = intent();
  expect(await db.transaction(async (tx) => [await recordIntent(tx, kept), 'result'])).toEqual([
    expect.any(Date),
    'result',
  ]);
  const lost = intent();
  const error = new Error('a bug of ours');
  expect(
    await thrownBy(
      db.transaction(async (tx) => {
        await recordIntent(tx, lost);
        throw error;
      }),
    ),
  ).toBe(error);
  const { rows } = await db.read.execute<{ id: string }>(
    sql`select id from certificate where id in (${kept.id}, ${lost.id})`,
  );
  expect(rows).toEqual([{ id: kept.id }]);
});

test('a transaction in which a statement failed never seems committed', async () => {
  const error = await thrownBy(
    fresh.db.transaction(async (tx) => {
      await tx.execute(sql`select 1 / 0`).catch(() => {});
    }),
  );
  expect(error).toMatchObject({ message: 'the transaction had failed before it was committed' });
});

test('transactions are read committed unless told', async () => {
  const level = (tx: Tx) =>
    tx.execute(sql`show transaction_isolation`).then(({ rows }) => rows[0]?.transaction_isolation);
  expect(await fresh.db.transaction(level)).toBe('read committed');
  expect(await fresh.db.transaction(level, { isolation: 'repeatable read', readOnly: true })).toBe('repeatable read');
});

test('a failed query tells SQLSTATE and constraint, never a value', async () => {
  const structure = { id: 'not a uuid', structIdNat: '10SECRET', name: 'Dr Secret', department: 'Paris (75)' };
  const malformed = await thrownBy(recordStructure(fresh.db.read, structure));
  expect(malformed).toBeInstanceOf(QueryError);
  expect(malformed).toMatchObject({ sqlState: '22P02' });
  const checked = await thrownBy(recordIntent(fresh.db.read, intent({ subject: '', holderKey: 'Dr Secret' })));
  expect(violates(checked, 'certificate_subject')).toBe(true);
  for (const error of [malformed, checked]) expect(printed(error)).not.toMatch(/secret|uuid:|insert into/i);
});

test('a database that is not there is an outage, and tells no password', async () => {
  const db = open('postgresql://igc:hunter2@127.0.0.1:1/igc');
  for (const error of [await thrownBy(ping(db.read)), await thrownBy(db.transaction(ping))]) {
    expect(error).toMatchObject({ ...outage, cause: 'ECONNREFUSED' });
    expect(printed(error)).not.toContain('hunter2');
  }
});

test('a server that accepts and never answers is an outage', async () => {
  const silent = await listen(() => {});
  const db = open(`postgresql://igc@127.0.0.1:${portOf(silent)}/igc`, { connectTimeoutMs: 100 });
  expect(await thrownBy(ping(db.read))).toMatchObject(outage);
});

test('a login that the database refuses is an outage', async () => {
  const url = new URL(fresh.url);
  url.pathname = '/igc_no_such_database';
  expect(await thrownBy(ping(open(url.href).read))).toMatchObject({ ...outage, cause: '3D000' });
});

test.each([
  ['57014', 'select pg_sleep(60)', { statementTimeoutMs: 50 }],
  ['57P01', 'select pg_terminate_backend(pg_backend_pid())', {}],
  ['53100', "do $$ begin raise exception 'disk full' using errcode = '53100'; end $$", {}],
  ['40P01', "do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$", {}],
  ['25006', 'set transaction read only; create table never (id int)', {}],
])('SQLSTATE %s is an outage, and the next query works', async (code, statement, options) => {
  const db = open(fresh.url, { max: 1, ...options });
  expect(await thrownBy(db.transaction((tx) => tx.execute(statement)))).toMatchObject({ ...outage, cause: code });
  expect((await ping(db.read)).rowCount).toBe(1);
});

test('waiting too long for a lock is an outage', async () => {
  const db = open(fresh.url, { lockTimeoutMs: 50 });
  const error = await fresh.db.transaction(async (tx) => {
    await tx.execute(sql`lock table lease`);
    return await thrownBy(db.read.execute(sql`select 1 from lease`));
  });
  expect(error).toMatchObject({ ...outage, cause: '55P03' });
});

test('a pause inside a transaction ends the transaction as an outage, and nothing of it stays', async () => {
  const db = open(fresh.url, { idleInTransactionTimeoutMs: 50 });
  const lost = intent();
  const error = await thrownBy(
    db.transaction(async (tx) => {
      await recordIntent(tx, lost);
      await backendGone(tx);
    }),
  );
  expect(error).toMatchObject(outage);
  expect((await fresh.db.read.execute(sql`select 1 from certificate where id = ${lost.id}`)).rows).toEqual([]);
});

test('an idle connection that is killed is told by code, and the process goes on', async () => {
  const told = Promise.withResolvers<string>();
  const db = open(fresh.url, { onConnectionLost: told.resolve });
  const { rows } = await db.read.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  await fresh.db.read.execute(sql`select pg_terminate_backend(${rows[0]?.pid})`);
  expect(await told.promise).toBe('57P01');
  expect((await ping(db.read)).rowCount).toBe(1);
});

test('a COMMIT whose answer is lost is an outage, though the row is there', async () => {
  const kept = intent();
  const proxy = await proxyThatLosesCommits();
  const db = open(`postgresql://${encodeURIComponent(proxy.user)}@127.0.0.1:${proxy.port}/${proxy.database}`);
  expect(await thrownBy(db.transaction((tx) => recordIntent(tx, kept)))).toMatchObject(outage);
  expect((await fresh.db.read.execute(sql`select 1 from certificate where id = ${kept.id}`)).rows).toHaveLength(1);
});

test('the clock of the database is read as it goes, not as of the beginning of the transaction', async () => {
  const [first, second] = await fresh.db.transaction(async (tx) => {
    const earlier = await databaseTime(tx);
    await tx.execute(sql`select pg_sleep(0.002)`);
    return [earlier, await databaseTime(tx)] as const;
  });
  expect(second.getTime()).toBeGreaterThan(first.getTime());
});

test('times are right whatever style and zone the server is set to', async () => {
  const name = new URL(fresh.url).pathname.slice(1);
  await fresh.db.read.execute(sql.raw(`alter database ${name} set datestyle = 'SQL, DMY'`));
  await fresh.db.read.execute(sql.raw(`alter database ${name} set timezone = 'Asia/Kathmandu'`));
  const { read } = open(fresh.url);
  const recorded = intent({ notBefore: new Date('2026-02-01T23:30:00.123Z') });
  await recordIntent(read, recorded);
  expect((await findCertificate(read, recorded.id))?.notBefore).toEqual(recorded.notBefore);
});

test('a ping tells whether the database answers', async () => {
  await fresh.db.ping();
  expect(await thrownBy(open('postgresql://127.0.0.1:1/igc').ping())).toMatchObject(outage);
});

test('a closed database is an outage, and closing twice is fine', async () => {
  const db = open(fresh.url);
  await ping(db.read);
  await Promise.all([db.close(), db.close()]);
  expect(await thrownBy(ping(db.read))).toMatchObject(outage);
});

async function backendGone(tx: Tx): Promise<void> {
  const { rows } = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  for (let alive = true; alive; ) {
    const found = await fresh.db.read.execute(sql`select 1 from pg_stat_activity where pid = ${rows[0]?.pid}`);
    alive = found.rows.length > 0;
  }
}

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

// Passes everything on, except what the server answers after it was told to commit: then the line is cut.
async function proxyThatLosesCommits(): Promise<{ port: number; user: string; database: string }> {
  const { host, port, user = '', database = '' } = new Client({ connectionString: fresh.url });
  const server = await listen((client) => {
    const upstream = host.startsWith('/') ? dial(`${host}/.s.PGSQL.${port}`) : dial(port, host);
    let committing = false;
    upstream.on('error', () => {});
    client.on('data', (data) => {
      committing ||= data.includes('commit\0');
      upstream.write(data);
    });
    upstream.on('data', (data) => (committing ? client.destroy() : client.write(data)));
    client.on('close', () => upstream.destroy());
  });
  return { port: portOf(server), user, database };
}
