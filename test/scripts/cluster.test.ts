// A private PostgreSQL that ends with its parent.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Parent, runs, startParent, until } from './parent.ts';

type Told = { readonly url: string; readonly directory: string; readonly folder: string };

const START = `
  const cluster = await startCluster({ durable: false });
  const told = { url: cluster.url, directory: cluster.directory, folder: temporaryFolder() };`;
const PRIVATE = { DATABASE_URL: '' };

/** The first column of what the server answers. */
async function ask(url: string, query: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text: query, rowMode: 'array' });
    return rows.map((row: unknown[]) => row[0]);
  } finally {
    await client.end();
  }
}

const pidOf = ({ directory }: Told) =>
  Number.parseInt(readFileSync(join(directory, 'data/postmaster.pid'), 'utf8'), 10);

describe('a private cluster', () => {
  let parent: Parent<Told>;
  beforeAll(async () => {
    parent = await startParent<Told>(`${START} tell(told); stay();`, PRIVATE);
  });
  afterAll(() => {
    parent.process.kill('SIGKILL');
  });

  it('speaks UTF-8 in the C locale, and flushes nothing to disk when it need not last', async () => {
    expect(await ask(parent.told.url, 'show server_encoding')).toEqual(['UTF8']);
    expect(await ask(parent.told.url, 'select datcollate from pg_database')).toEqual(['C', 'C', 'C']);
    expect(await ask(parent.told.url, 'show fsync')).toEqual(['off']);
  });

  it('is reached through a socket that no other account can enter, and through nothing else', async () => {
    expect(await ask(parent.told.url, 'show listen_addresses')).toEqual(['']);
    expect(statSync(parent.told.directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(parent.told.directory, '.s.PGSQL.5432')).mode & 0o777).toBe(0o700);
  });

  it('gives a URL in which another database can be named', async () => {
    await ask(parent.told.url, 'create database another');
    const url = new URL(parent.told.url);
    url.pathname = '/another';
    expect(await ask(url.href, 'select current_database()')).toEqual(['another']);
  });
});

describe('the end of a private cluster', () => {
  it('comes with stop, which leaves no process and no file', async () => {
    const parent = await startParent<Told & { pid: number }>(
      `${START}
      const pid = (await import('node:fs')).readFileSync(told.directory + '/data/postmaster.pid', 'utf8').split('\\n')[0];
      await Promise.all([cluster.stop(), cluster.stop()]);
      await cluster.stop();
      await removeTemporaryFolder();
      tell({ ...told, pid: Number(pid) });`,
      PRIVATE,
    );
    expect(runs(parent.told.pid)).toBe(false);
    expect(existsSync(parent.told.folder)).toBe(false);
    expect(await parent.end).toBe(0);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('comes by itself after its parent ended by %s', async (signal) => {
    const parent = await startParent<Told>(`${START} tell(told);`, PRIVATE);
    const pid = pidOf(parent.told);
    const client = new Client({ connectionString: parent.told.url });
    client.on('error', () => undefined); // the server ends connections, it does not wait for them
    await client.connect();
    parent.process.kill(signal);
    await until(() => !runs(pid) && !existsSync(parent.told.folder));
  });
});

describe('a cluster in a folder of the caller', () => {
  it('keeps its data from one run to the next, flushed to disk', async () => {
    const parent = await startParent<string[]>(
      `
      const { openDatabase } = await import('#db/connect.ts');
      const directory = temporaryFolder() + '/kept';
      const ask = async (statement) => {
        const { url, stop } = await startCluster({ durable: true, directory });
        const database = openDatabase(url, { applicationName: 'test', max: 1 });
        const { rows } = await database.read.execute(statement);
        await database.close();
        await stop();
        return rows;
      };
      await ask('create table kept as select 42 as answer');
      tell([...(await ask('select answer from kept')), ...(await ask('show fsync'))].map(Object.values).flat());`,
      PRIVATE,
    );
    expect(parent.told).toEqual([42, 'on']);
  });
});

describe('a server named by DATABASE_URL', () => {
  it('is used in a database of its own, which is dropped at the end', async () => {
    const parent = await startParent<{ url: string }>(
      `
      const cluster = await startCluster({ durable: true });
      tell(cluster);
      process.once('SIGTERM', () => cluster.stop().then(() => process.exit(0)));
      stay();`,
      { DATABASE_URL: inject('databaseUrl') },
    );
    const name = new URL(parent.told.url).pathname.slice(1);
    expect(name).toMatch(/^igc_run_[0-9a-f]{12}$/);
    expect(await ask(parent.told.url, 'select current_database()')).toEqual([name]);
    parent.process.kill('SIGTERM');
    expect(await parent.end).toBe(0);
    expect(await ask(inject('databaseUrl'), `select 1 from pg_database where datname = '${name}'`)).toEqual([]);
  });
});
