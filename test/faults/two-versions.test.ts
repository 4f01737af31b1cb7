// A version is rolled out while processes of the version before it still run on the same database. What today's processes write is
// recorded, and written again as the version before would have written it: with the columns alone that its schema has.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recordContact } from '#db/contacts.ts';
import { checkMigrations, migrateDatabase } from '#db/migrate.ts';
import { type Slapd, startSlapd } from '../../scripts/slapd.ts';
import { loadConfig } from '../../src/config.ts';
import { openConnection } from '../../src/directory/ldap.ts';
import { ldapSettings } from '../../src/directory/settings.ts';
import { issued } from '../db/samples.ts';
import type { CertificateDocument } from '../helpers/api-client.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { BASE } from '../helpers/directory.ts';
import {
  answerAtLast,
  apiReady,
  connectTo,
  eventually,
  newOrder,
  respondersReady,
  settleIn,
} from '../helpers/faults.ts';
import { recordedWrites, recordWrites, rowsOf, type Write } from '../helpers/recorded-writes.ts';
import { type KnownTable, schemaAfter } from '../helpers/schema-before.ts';
import { freePort, prepareService, type Service } from '../helpers/service.ts';
import { type SmtpSink, startSmtpSink } from '../helpers/smtp-sink.ts';

/**
 * The last migration of each version whose processes may run beside today's: of the one that is rolled out, and of those before it.
 * When today's is rolled out everywhere, its own becomes the only one, and what is only there for the versions before may go in the next.
 */
const BEFORE = [1, 2, 7];
/** Columns that stay empty in a row of the version before, as `table.column`, and why today's processes can live with that. */
const LEFT_EMPTY: Readonly<Record<string, string>> = {
  'directory_progress.looks_after':
    'only today’s worker asks for first looks, and one place more is certificates looked at twice',
};

const MIGRATIONS = join(import.meta.dirname, '../../db/migrations');

const DAY_MS = 86_400_000;

let service: Service;
let slapd: Slapd;
let sink: SmtpSink;
let today: Client;
let writes: readonly Write[];

beforeAll(async () => {
  const database = await freshDatabase();
  today = await connectTo(database.url);
  await recordWrites(today);
  [service, slapd, sink] = await Promise.all([
    prepareService({ database }),
    startSlapd({ port: await freePort() }),
    startSmtpSink(),
  ]);
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  await runForAWhile();
  writes = await recordedWrites(today);
}, 90_000);

afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await today?.end();
  await service?.stop();
  await sink?.close();
  await slapd?.stop();
});

/** Takes every alarm. */
const receiver = createServer((request, response) => request.resume().on('end', () => response.end()));

/** A directory, a mail server and a receiver of alarms for the worker. */
function surroundings(): Record<string, string> {
  const secret = join(service.directory, 'webhook-secret');
  writeFileSync(secret, 'a secret of this test alone\n');
  return {
    ...{ LDAP_URL: slapd.url, LDAP_BIND_DN: slapd.bindDn, LDAP_PASSWORD_FILE: slapd.passwordFile },
    ...{ SMTP_URL: sink.url, SMTP_CA_FILE: sink.caFile },
    ALARM_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
    ALARM_WEBHOOK_SECRET_FILE: secret,
  };
}

/** Two certificates that end soon: the owner of one is told, and an alarm says that the other's cannot be. */
async function letCertificatesEnd(): Promise<void> {
  const { read } = service.database.db;
  const owner = { ownerKind: 'structure', ownerKey: HOSPITAL.structIdNat, role: 'owner' } as const;
  await recordContact(read, { id: uuidv7(), ...owner, email: 'dsi@hopital.example.fr', language: 'fr' });
  const period = { notBefore: new Date(Date.now() - 700 * DAY_MS), notAfter: new Date(Date.now() + 10 * DAY_MS) };
  for (const structure of [HOSPITAL.structIdNat, '10B0099999'])
    await issued(read, {
      ...period,
      ...{ subject: `CN=${uuidv7()},C=FR`, structure, holderKey: structure },
      holder: { kind: 'structure', ...HOSPITAL, structIdNat: structure },
    });
}

/** Somebody else's entry where that of this name is to be: the directory refuses ours. */
async function occupy(commonName: string): Promise<void> {
  const settings = ldapSettings(loadConfig(surroundings()));
  if (settings === undefined) throw new Error('LDAP_URL is set');
  const connection = openConnection(settings, 5_000);
  const dn = `cn=${commonName},ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`;
  const entry = { objectClass: ['organizationalRole'], cn: [commonName] };
  // what it is to be below is written with the first entry of the structure
  await eventually('the place is taken', async () => (await connection.add(dn, entry)) === 'added');
  await connection.close();
}

/** Every role does everything that it does from an empty database on, and ends. */
async function runForAWhile(): Promise<void> {
  service.start('signer issuing');
  service.start('signer ocsp');
  const administrator = (await settleIn(service))();
  await letCertificatesEnd();
  const running = (['api', 'public', 'worker'] as const).map((role) => service.start(role, surroundings()));
  await apiReady(administrator);
  await respondersReady(today);
  const { id } = (await answerAtLast(administrator, newOrder())).json<CertificateDocument>();
  const refused = newOrder();
  await occupy(refused.idempotencyKey ?? '');
  await answerAtLast(administrator, refused);
  for (const reason of ['superseded', 'keyCompromise'])
    expect((await administrator.revoke(id, reason))?.statusCode).toBe(200);
  await eventually('it is listed, and everything else is done', async () => {
    const { rows } = await today.query(`select
      exists (select from crl where state = 'published' and entries > 0) and exists (select from feed_reader)
      and not exists (select from outbox)
      and exists (select from directory_list where number > 0) and exists (select from directory_pending)
      and exists (select from notice_mail where state = 'sent') and exists (select from alarm_delivery)
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
