import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CertificateFilter,
  idsOf,
  listCertificates,
  pageQuery,
  searchCertificates,
} from '#db/certificate-list.ts';
import { type CertificateIntent, findCertificate, recordBurnt, recordIntent } from '#db/certificates.ts';
import { violates } from '#db/query-error.ts';
import { recordRevocation } from '#db/revocations.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { intent, issued, NOW, recordSampleAuthority } from './samples.ts';

let fresh: FreshDatabase;
const made: Record<string, CertificateIntent> = {};

const [HOSPITAL, AGENCY] = ['10B0057881', '318751275100020'];
const LATER = new Date('2027-06-01T00:00:00Z');
const employee = { kind: 'employee', structure: { structIdNat: AGENCY }, registryNumber: '1' };
const professional = { kind: 'professional', idNatPs: '899700075064' };

/** One row for everything that a list is narrowed down by; the names are the oldest first. */
beforeAll(async () => {
  fresh = await freshDatabase();
  const { read } = fresh.db;
  await recordSampleAuthority(fresh.db);
  made.plain = await issued(read);
  made.expired = await issued(read, { notAfter: new Date('2027-01-01T00:00:00Z') });
  made.revoked = await issued(read, { profile: 'org-sign', notAfter: new Date('2027-01-01T00:00:00Z') });
  await recordRevocation(read, { certificateId: made.revoked.id, revokedAt: NOW, reason: 'superseded', actor: 'o' });
  made.burnt = intent();
  await recordIntent(read, made.burnt);
  await recordBurnt(read, made.burnt.id, NOW);
  await recordRevocation(read, { certificateId: made.burnt.id, revokedAt: NOW, reason: 'unspecified', actor: 'o' });
  made.signing = intent();
  await recordIntent(read, made.signing);
  made.employee = await issued(read, { holder: employee, holderKey: '51875127510/1', subject: 'CN=100%_Anne,C=FR' });
  made.professional = await issued(read, {
    holder: professional,
    holderKey: '899700075064',
    structure: AGENCY,
    notBefore: new Date('2027-03-01T00:00:00Z'),
  });
  made.nobodys = await issued(read, { holder: professional, holderKey: '899700075064' });
});
afterAll(() => fresh.drop());

const namesOf = (rows: readonly { readonly id: string }[]): string[] =>
  rows.map(({ id }) => Object.keys(made).find((name) => made[name]?.id === id) ?? id);

const list = async (filter: CertificateFilter) =>
  namesOf(await listCertificates(fresh.db.read, filter, { limit: 50, now: LATER }));

const EVERY = ['nobodys', 'professional', 'employee', 'signing', 'burnt', 'revoked', 'expired', 'plain'];
const ISSUED = ['nobodys', 'professional', 'employee', 'revoked', 'expired', 'plain'];

describe('a list', () => {
  test.each<[string, CertificateFilter | (() => CertificateFilter), string[]]>([
    ['nothing', {}, EVERY],
    ['what was issued', { issuedOnly: true }, ISSUED],
    ['its structure, which an employee brings along', { structure: AGENCY }, ['professional', 'employee']],
    ['its holder', { holder: '899700075064' }, ['nobodys', 'professional']],
    ['its serial', () => ({ serial: made.expired?.serial ?? new Uint8Array() }), ['expired']],
    ['its key', () => ({ key: made.burnt?.keyDigest ?? new Uint8Array() }), ['burnt']],
    ['its profile', { profile: 'org-sign' }, ['revoked']],
    ['issued, neither revoked nor expired', { state: 'issued' }, ['nobodys', 'professional', 'employee', 'plain']],
    ['expired, and not revoked', { state: 'expired' }, ['expired']],
    ['revoked, which a burnt serial is not called', { state: 'revoked' }, ['revoked']],
    ['burnt', { state: 'burnt' }, ['burnt']],
    ['being signed', { state: 'signing' }, ['signing']],
    ['notBefore from', { notBefore: { from: new Date('2027-03-01T00:00:00Z') } }, ['professional']],
    [
      'notBefore before',
      { notBefore: { to: new Date('2027-03-01T00:00:00Z') } },
      EVERY.filter((n) => n !== 'professional'),
    ],
    ['notAfter', { notAfter: { from: NOW, to: new Date('2027-01-01T00:00:01Z') } }, ['revoked', 'expired']],
    ['notAfter, whose end is left out', { notAfter: { to: new Date('2027-01-01T00:00:00Z') } }, []],
    ['created', { created: { to: NOW } }, []],
    [
      'one structure of those that may be seen',
      { among: [AGENCY, HOSPITAL], structure: AGENCY },
      ['professional', 'employee'],
    ],
    ['a structure that may not be seen', { among: [HOSPITAL], structure: AGENCY }, []],
    ['what may be seen', { among: [HOSPITAL] }, ['signing', 'burnt', 'revoked', 'expired', 'plain']],
    ['what may be seen, of two structures', { among: [AGENCY, HOSPITAL] }, EVERY.slice(1)],
    [
      'what may be seen, of very many',
      { among: [AGENCY, ...Array.from({ length: 400 }, (_, n) => `1${n}`)] },
      ['professional', 'employee'],
    ],
    ['what may be seen when that is nothing', { among: [] }, []],
    ['a holder within what may be seen', { among: [AGENCY], holder: '899700075064' }, ['professional']],
    [
      'a serial outside of what may be seen',
      () => ({ among: [AGENCY], serial: made.plain?.serial ?? new Uint8Array() }),
      [],
    ],
    [
      'a key outside of what may be seen',
      () => ({ among: [AGENCY], key: made.plain?.keyDigest ?? new Uint8Array() }),
      [],
    ],
    [
      'everything at once',
      {
        among: [HOSPITAL, AGENCY],
        structure: HOSPITAL,
        holder: HOSPITAL,
        profile: 'org-sign',
        state: 'revoked',
        notAfter: { from: NOW },
      },
      ['revoked'],
    ],
  ])('is narrowed down by %s, newest first', async (_, filter, names) => {
    expect(await list(typeof filter === 'function' ? filter() : filter)).toEqual(names);
  });

  test.each<[string, CertificateFilter]>([
    ['all', {}],
    ['of one structure', { structure: HOSPITAL }],
    ['of several', { among: [AGENCY, HOSPITAL] }],
    ['of a holder', { holder: HOSPITAL }],
  ])('%s is paged without gap or repetition while rows are added', async (_, filter) => {
    const before = await list(filter);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await listCertificates(fresh.db.read, filter, { limit: 2, now: LATER, after });
      seen.push(...namesOf(page));
      after = page.at(-1)?.id;
      const added = await issued(fresh.db.read);
      made[`added ${added.id}`] = added;
      if (page.length < 2) break;
    }
    expect(seen).toEqual(before);
  });

  test('ends where it is told to, and can begin further on', async () => {
    const ids = await idsOf(fresh.db.read, {}, { limit: 50, now: LATER });
    const [, second, third, fourth] = ids;
    const slice = { limit: 50, now: LATER, after: second, until: fourth };
    expect(await idsOf(fresh.db.read, {}, slice)).toEqual([third, fourth]);
    for (const filter of [{}, { among: [AGENCY, HOSPITAL] }]) {
      const all = await idsOf(fresh.db.read, filter, { limit: 50, now: LATER });
      expect(await idsOf(fresh.db.read, filter, { limit: 2, offset: 3, now: LATER })).toEqual(all.slice(3, 5));
    }
  });

  test('carries no certificate bytes', async () => {
    const [summary] = await listCertificates(fresh.db.read, {}, { limit: 1, now: LATER });
    expect(summary).not.toHaveProperty('der');
    expect(summary).not.toHaveProperty('tbs');
  });
});

describe('the structure of a certificate', () => {
  test('is what was recorded, else that of the holder, else none', async () => {
    const structures = await Promise.all(
      ['plain', 'employee', 'professional', 'nobodys'].map(
        async (name) => (await findCertificate(fresh.db.read, made[name]?.id ?? ''))?.structure,
      ),
    );
    expect(structures).toEqual([HOSPITAL, AGENCY, AGENCY, undefined]);
  });

  test('never changes', async () => {
    const change = fresh.db.read.execute(sql`update certificate set structure = 'x' where id = ${made.plain?.id}`);
    expect(violates(await change.catch((error) => error), 'certificate_immutable')).toBe(true);
  });

  test('stays when the holder is erased', async () => {
    const { id } = await issued(fresh.db.read);
    await fresh.db.read.execute(sql`update certificate set holder = '{}', subject = 'erased' where id = ${id}`);
    expect(await findCertificate(fresh.db.read, id)).toMatchObject({ structure: HOSPITAL, holder: {} });
  });
});

test('the date of a revocation stands in both rows, and never changes', async () => {
  const id = made.revoked?.id;
  const { rows } = await fresh.db.read.execute(
    sql`select c.revoked_at = r.revoked_at as same from certificate c join revocation r on certificate_id = id where id = ${id}`,
  );
  expect(rows).toEqual([{ same: true }]);
  const change = fresh.db.read.execute(sql`update certificate set revoked_at = null where id = ${id}`);
  expect(violates(await change.catch((error) => error), 'certificate_revoked_once')).toBe(true);
});

describe('a search', () => {
  const search = async (text: string, limit = 50) => namesOf(await searchCertificates(fresh.db.read, text, limit));

  test('finds a serial, with colons or without', async () => {
    const hex = Buffer.from(made.plain?.serial ?? []).toString('hex');
    const colons = hex.toUpperCase().match(/../g)?.join(':') ?? '';
    expect([await search(hex), await search(colons)]).toEqual([['plain'], ['plain']]);
  });

  test('finds what one holder has, and what belongs to a structure', async () => {
    expect(await search('899700075064')).toEqual(['nobodys', 'professional']);
    expect(await search(AGENCY ?? '')).toEqual(['professional', 'employee']);
  });

  test('finds the beginning of a subject, with CN= or without, whatever its case', async () => {
    for (const text of ['100%_anne', 'cn=100%_A', '100%']) expect(await search(text), text).toEqual(['employee']);
  });

  test('takes no wildcard', async () => {
    for (const text of ['1%anne', '100%%anne', 'cn=1__%', '%%%', '\\', 'xample.fr'])
      expect(await search(text), text).toEqual([]);
  });

  test('answers so many, the newest', async () => {
    const all = await search('example.fr');
    expect(all.length).toBeGreaterThan(3);
    expect(await search('example.fr', 3)).toEqual(all.slice(0, 3));
  });
});

describe('of twenty thousand certificates', () => {
  beforeAll(async () => {
    await fresh.db.read.execute(sql`
      insert into certificate (id, issuer, serial, profile, profile_digest, state, tbs, der, subject, holder, holder_key,
        key_digest, order_digest, actor, actor_kind, not_before, not_after, settled_at)
      select gen_random_uuid(), issuer, decode('42' || md5(n::text), 'hex'), 'p' || n % 13, profile_digest, 'issued', tbs,
        '\\x01020304', 'CN=' || n, jsonb_build_object('structIdNat', 's' || n % 200), 's' || n % 200,
        sha256(int8send(n)), order_digest, actor, actor_kind, not_before, not_after, now()
      from certificate, generate_series(1, 20000) n where id = ${made.plain?.id}`);
    await fresh.db.read.execute(sql`vacuum analyze certificate`);
  });

  test.each<[string, CertificateFilter]>([
    ['nothing', {}],
    ['a structure', { structure: 's7' }],
    ['a holder', { holder: 's7' }],
    ['a profile that few have', { among: ['s7'], profile: 'p7' }],
    ['a state', { state: 'expired' }],
    ['revocation, of several structures', { among: ['s1', 's2', 's3'], issuedOnly: true, state: 'revoked' }],
    ['dates', { notBefore: { from: NOW }, notAfter: { to: NOW }, created: { to: NOW } }],
  ])('a page narrowed down by %s is found in an index alone', async (_, filter) => {
    const plan = await fresh.db.transaction(async (tx) => {
      // a table of this size fits anywhere; what counts is that there is a way through an index alone
      await tx.execute(sql`set local enable_seqscan = off`);
      await tx.execute(sql`set local enable_bitmapscan = off`);
      const { rows } = await tx.execute<{ 'QUERY PLAN': string }>(
        sql`explain ${pageQuery(filter, { limit: 50, now: LATER })}`,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toMatch(/Index Only Scan( Backward)? using certificate_(pkey|list|by_structure|by_holder)/);
    expect(plan).not.toMatch(/Index Scan|Bitmap|Seq Scan/);
  });

  test.each<[string, CertificateFilter, string]>([
    ['a serial', { among: ['s7'], serial: new Uint8Array(16) }, 'certificate_issuer_serial'],
    ['a key', { among: ['s7'], key: new Uint8Array(32) }, 'certificate_key'],
  ])('%s is found by its own index', async (_, filter, index) => {
    const { rows } = await fresh.db.read.execute(sql`explain ${pageQuery(filter, { limit: 50, now: LATER })}`);
    expect(JSON.stringify(rows)).toContain(index);
  });
});
