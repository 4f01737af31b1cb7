import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addToStore,
  directoryQuery,
  listStorable,
  removeExpired,
  removeFromStore,
  type StoreLookup,
  type StoreRow,
  searchDirectory,
  searchStore,
  setMailConsented,
  storedWithMailbox,
  storeQuery,
  unconsentedQuery,
} from '#db/certificate-store.ts';
import type { CertificateIntent } from '#db/certificates.ts';
import { recordRevocation } from '#db/revocations.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { CA, intent, issued, NOW, recordSampleAuthority } from './samples.ts';

let fresh: FreshDatabase;
const made: Record<string, CertificateIntent> = {};
const key = (): Uint8Array => new Uint8Array(randomBytes(20));
const SHARED = key();
/** of a certificate with a mailbox to which nobody consented */
const MET = key();
const LATER = new Date('2027-06-01T00:00:00Z');
const page = { profiles: ['serv-ssl', 'org-sign'], mailProfiles: ['org-sign'], now: LATER, limit: 10 };

const row = ({ id, issuer, profile, notAfter }: CertificateIntent, changes: Partial<StoreRow> = {}): StoreRow => ({
  ...{ certificateId: id, issuer, profile, notAfter },
  ...{ certificateKey: key(), subjectKey: SHARED, issuerAndSerialKey: key(), keyIdentifierKey: key() },
  ...{ structure: '10B0057881', soughtName: 'www.exemple.fr' },
  ...{ commonName: 'www.exemple.fr', hosts: ['www.exemple.fr'], mailboxes: [] },
  ...changes,
});

/** Rows in every state that a certificate can be in, the oldest first. */
beforeAll(async () => {
  fresh = await freshDatabase();
  const { read } = fresh.db;
  await recordSampleAuthority(fresh.db);
  made.old = await issued(read);
  made.hidden = await issued(read, { profile: 'cps-auth' });
  made.expired = await issued(read, { notAfter: new Date('2027-01-01T00:00:00Z') });
  made.future = await issued(read, { notBefore: new Date('2028-01-01T00:00:00Z') });
  made.revoked = await issued(read);
  await recordRevocation(read, { certificateId: made.revoked.id, revokedAt: NOW, reason: 'superseded', actor: 'o' });
  made.consented = await issued(read, { profile: 'org-sign' });
  made.unasked = await issued(read);
  const mailboxes = ['a@exemple.fr'];
  const consented = { mailboxes, mailConsented: true };
  const unasked = { mailboxes, certificateKey: MET, issuerAndSerialKey: MET, keyIdentifierKey: MET };
  for (const [name, one] of Object.entries(made))
    await addToStore(read, [row(one, name === 'consented' ? consented : name === 'unasked' ? unasked : {})]);
});
afterAll(() => fresh.drop());

const namesOf = (rows: readonly { readonly id: string }[]): string[] =>
  rows.map(({ id }) => Object.keys(made).find((name) => made[name]?.id === id) ?? id);
const LOOKUPS: readonly (readonly [lookup: StoreLookup, index: string, found: string[]])[] = [
  [{ by: 'subject', key: SHARED }, 'certificate_store_subject', ['consented', 'old']],
  [{ by: 'certificate', key: key() }, 'certificate_store_certificate', []],
  [{ by: 'issuerAndSerial', key: key() }, 'certificate_store_issuer_and_serial', []],
  [{ by: 'keyIdentifier', key: key() }, 'certificate_store_key_identifier', []],
  [{ by: 'issuer', id: CA }, 'certificate_store_profile', ['consented', 'old']],
  [{ by: 'commonName', text: 'www.exemple.fr' }, 'certificate_store_common_name', ['consented', 'old']],
  [{ by: 'host', text: 'www.exemple.fr' }, 'certificate_store_hosts', ['consented', 'old']],
  [{ by: 'mailbox', text: 'a@exemple.fr' }, 'certificate_store_any_mailbox', ['consented']],
];

describe('a search', () => {
  test.each(LOOKUPS)('by %o finds what is public and in force, the newest first', async (lookup, _index, found) => {
    expect(namesOf(await searchStore(fresh.db.read, lookup, page))).toEqual(found);
  });

  test.each(['certificate', 'issuerAndSerial', 'keyIdentifier'] as const)(
    'by %s finds a mailbox without consent, for who has met the certificate',
    async (by) => {
      expect(namesOf(await searchStore(fresh.db.read, { by, key: MET }, page))).toEqual(['unasked']);
    },
  );

  test('goes on after the last certificate of a page', async () => {
    const after = made.consented?.id;
    for (const lookup of [{ by: 'subject', key: SHARED } as const, { by: 'issuer', id: CA } as const])
      expect(namesOf(await searchStore(fresh.db.read, lookup, { ...page, after }))).toEqual(['old']);
  });

  test('finds nothing where no profile is public', async () => {
    expect(await searchStore(fresh.db.read, { by: 'subject', key: SHARED }, { ...page, profiles: [] })).toEqual([]);
  });
});

describe('the directory', () => {
  const structure = '10B0057881';

  test('shows what is public and in force, in the order of names and page by page', async () => {
    const { read } = fresh.db;
    const [first, ...rest] = await searchDirectory(read, { structure }, { ...page, limit: 1 });
    expect([namesOf(first === undefined ? [] : [first]), rest]).toEqual([['old'], []]);
    const next = { ...page, after: first };
    for (const filter of [{ structure }, { name: 'www.e' }, { structure, name: 'www.exemple.fr' }])
      expect(namesOf(await searchDirectory(read, filter, next))).toEqual(['consented']);
  });

  test.each([
    ['another structure', { structure: '318751275100020' }],
    ['a name that begins otherwise', { name: 'exemple' }],
    ['what would be a pattern', { name: '%' }],
    ['both, of which one fits', { structure, name: 'wwx' }],
  ])('has nothing for %s', async (_, filter) => {
    expect(await searchDirectory(fresh.db.read, filter, page)).toEqual([]);
  });
});

describe('what comes into the store', () => {
  test('was issued under one of these profiles, and is neither revoked nor expired', async () => {
    const feed = Object.values(made);
    const found = await listStorable(fresh.db.read, feed, { profiles: page.profiles, now: LATER });
    expect(namesOf(found).toSorted()).toEqual(['consented', 'future', 'old', 'unasked']);
    expect(await listStorable(fresh.db.read, [intent()], page)).toEqual([]);
  });

  test('leaves it by serial, and when it has expired', async () => {
    const { db } = fresh;
    const count = async () => (await db.read.execute('select from certificate_store')).rowCount ?? 0;
    const before = await count();
    await removeFromStore(db.read, [made.revoked ?? intent(), intent()]);
    expect(await count()).toBe(before - 1);
    expect([await removeExpired(db.read, LATER, 5), await removeExpired(db.read, LATER, 5)]).toEqual([1, 0]);
    expect(await count()).toBe(before - 2);
  });
});

test('a consent reaches every certificate with its mailbox, be they more than a statement has parameters', async () => {
  const { read } = fresh.db;
  const ids = [...Array.from({ length: 70_000 }, () => uuidv7()), made.unasked?.id ?? ''];
  const consented = async (): Promise<boolean | undefined> =>
    (await storedWithMailbox(read, 'a@exemple.fr')).find(({ certificateId }) => certificateId === made.unasked?.id)
      ?.mailConsented;
  await setMailConsented(read, ids, true);
  expect(await consented()).toBe(true);
  await setMailConsented(read, ids, false);
  expect(await consented()).toBe(false);
});

describe('among many', () => {
  beforeAll(async () => {
    const { read } = fresh.db;
    await read.execute(sql`
      insert into certificate (id, issuer, serial, profile, profile_digest, state, tbs, der, subject, holder, holder_key,
          key_digest, order_digest, actor, actor_kind, not_before, not_after, settled_at)
        select gen_random_uuid(), issuer, '\\x41'::bytea || substr(sha256(n::text::bytea), 1, 15), profile, profile_digest,
          state, tbs, der, subject, holder, holder_key, sha256(n::text::bytea), order_digest, actor, actor_kind, not_before,
          not_after, settled_at
        from certificate, generate_series(1, 5000) as n where id = ${made.old?.id}`);
    await read.execute(sql`
      insert into certificate_store (certificate_id, issuer, profile, not_after, certificate_key, subject_key,
          issuer_and_serial_key, key_identifier_key, structure, sought_name, common_name, hosts, mailboxes, mail_consented)
        select id, issuer, profile, not_after, k, k, k, k, encode(k, 'hex'), encode(k, 'hex'), encode(k, 'hex'), array[encode(k, 'hex')],
          array[encode(k, 'hex')], true
        from certificate, substr(key_digest, 1, 20) as k where id not in (select certificate_id from certificate_store)`);
    await read.execute(sql`analyze certificate, certificate_store`);
  });

  test.each(LOOKUPS)('a search by %o reads its own index', async (lookup, index) => {
    const { rows } = await fresh.db.read.execute<{ 'QUERY PLAN': string }>(sql`explain ${storeQuery(lookup, page)}`);
    const plan = rows.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toContain(index);
    expect(plan).not.toContain('Seq Scan on certificate');
  });

  test.each([
    [{ structure: '10B0057881' }, 'certificate_store_structure'],
    [{ name: 'www' }, 'certificate_store_name'],
  ])('the directory asked for %o reads its own index, in its order', async (filter, index) => {
    const after = { soughtName: 'www.exemple.fr', id: made.old?.id ?? '' };
    const query = directoryQuery(fresh.db.read, filter, { ...page, after }).getSQL();
    const { rows } = await fresh.db.read.execute<{ 'QUERY PLAN': string }>(sql`explain ${query}`);
    const plan = rows.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toContain(index);
    expect(plan).not.toContain('Seq Scan on certificate');
  });

  test('what is hidden though its mailbox has a consent is looked for in the index of mailboxes, however many there are', async () => {
    const mailboxes = Array.from({ length: 500 }, (_, n) => `m${n}@exemple.fr`);
    const query = sql`explain ${unconsentedQuery(mailboxes)}`;
    const { rows } = await fresh.db.read.execute<{ 'QUERY PLAN': string }>(query);
    const plan = rows.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toContain('certificate_store_any_mailbox');
    expect(plan).not.toContain('Seq Scan on certificate');
  });
});
