// The rows that a search is measured on: four years of certificates of thirteen profiles, a tenth of them of one structure and the rest
// of two thousand; a quarter has expired, three in a hundred are revoked. Bytes of a usual size, which compress to nothing.

import { sql } from 'drizzle-orm';
import type { Tx } from '#db/connect.ts';

const structIdNat = (n: number): string => `10B${String(n).padStart(7, '0')}`;
export const STRUCTURES: readonly string[] = Array.from({ length: 2_001 }, (_, n) => structIdNat(n));
export const BIG = structIdNat(0);

const PROFILES = [
  ...['serv-ssl', 'serv-smime', 'serv-sign', 'serv-conf', 'org-auth-cli', 'org-sign', 'org-conf'],
  ...['pro-auth', 'pro-sign', 'pro-conf', 'ps-auth', 'ps-sign', 'ps-conf'],
];

const MILLION = 1_000_000;

/** A million; fewer only to try the measuring itself. */
export const certificateCount = (argument: string | undefined): number => Number(argument ?? MILLION);

/** Fills an empty table, a few minutes long, and leaves it as autovacuum would. */
export async function fillCertificates(tx: Tx, count: number): Promise<void> {
  const indexes = await tx.execute<{ name: string; definition: string }>(sql`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid = 'certificate'::regclass and not exists (select from pg_constraint where conindid = indexrelid)`);
  // an index that is made afterwards is the same, and made in a tenth of the time
  for (const { name } of indexes.rows) await tx.execute(sql.raw(`drop index ${name}`));
  await tell(`${count} certificates`, () => insertCertificates(tx, count));
  for (const { name, definition } of indexes.rows) await tell(name, () => tx.execute(sql.raw(definition)));
  await tell('revocations', () => insertRevocations(tx));
  await tell('vacuum', () => tx.execute(sql`vacuum analyze certificate`));
  await tx.execute(sql`vacuum analyze revocation`);
}

async function tell(what: string, act: () => Promise<unknown>): Promise<void> {
  const since = performance.now();
  await act();
  process.stderr.write(`${what}: ${((performance.now() - since) / 1000).toFixed(0)} s\n`);
}

async function insertCertificates(tx: Tx, count: number): Promise<void> {
  // the years are the same however many rows there are
  const seconds = (4 * 365.25 * 86_400) / count;
  await tx.execute(sql`
    insert into certificate (id, issuer, serial, profile, profile_digest, state, tbs, der, subject, holder, holder_key,
      key_digest, order_digest, actor, actor_kind, not_before, not_after, created_at, settled_at)
    select
      (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' ||
        substr(h, 1, 15))::uuid,
      'ACI-EL-ORG-TEST', decode('42' || substr(h, 1, 30), 'hex'),
      (string_to_array(${PROFILES.join(' ')}, ' '))[1 + (n * 7919) % ${PROFILES.length}::int], repeat('a', 64), 'issued',
      tbs, tbs || signature, 'CN=' || substr(h, 1, 12) || '.exemple.fr,OU=' || s || ',O=ETABLISSEMENT ' || s || ',ST=Paris (75),C=FR',
      jsonb_build_object('kind', 'structure', 'structIdNat', s, 'name', 'ETABLISSEMENT ' || s, 'department', '75'), s,
      sha256(int8send(n)), sha256(int8send(-n)), 'administrator:' || (n % 3000), 'administrator',
      at, at + interval '3 years', at, at
    from (
      select n, md5(n::text) as h, now() - (${count}::bigint - n) * ${seconds}::float8 * interval '1 second' as at,
        '10B' || lpad((case when n % 10 = 0 then 0 else 1 + (n * 7907) % 2000 end)::text, 7, '0') as s, tbs, signature
      from generate_series(1::bigint, ${count}::bigint) n,
        (select string_agg(sha256(int8send(i)), '') as tbs from generate_series(1, 34) i) t,
        (select string_agg(sha256(int8send(-i)), '') as signature from generate_series(1, 10) i) s
    ) as made`);
}

const insertRevocations = (tx: Tx): Promise<unknown> =>
  tx.execute(sql`
    insert into revocation (certificate_id, issuer, serial, not_after, revoked_at, reason, actor)
    select id, issuer, serial, not_after, least(not_before + interval '1 year', now()), 'superseded', 'operator:bench'
    from certificate where get_byte(key_digest, 0) < 8`);
