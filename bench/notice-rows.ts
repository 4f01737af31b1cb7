// The rows that notices are measured on: certificates of three calendar years, whose ends are spread evenly from ten days ago on, so
// that ten millions make 9,132 ends a day. One in fifty is revoked; one in twenty was replaced halfway. Four in five belong to services
// of so many structures, the others to persons; who is written to differs as it does in life. Signed by nobody, and in no list.

import { sql } from 'drizzle-orm';
import type { Database, Tx } from '#db/connect.ts';
import { openForLoad, timed, withoutIndices } from './bulk-load.ts';
import { remark } from './figures.ts';

const BATCH = 200_000;
/** Batches at once. */
const LANES = 2;

type Sizes = { readonly count: number; readonly structures: number; readonly persons: number };

const sizesOf = (count: number): Sizes => ({
  count,
  structures: Math.min(10_000, Math.ceil(count / 1_000)),
  persons: Math.ceil(count / 50),
});

/** Fills empty tables with `count` certificates, and leaves them as autovacuum would. Ten millions take twenty minutes. */
export async function fillNoticeRows(url: string, count: number): Promise<void> {
  const db = openForLoad(url);
  try {
    const sizes = sizesOf(count);
    await timed('structures, administrators, contacts', () => insertPeople(db.read, sizes));
    await withoutIndices(db.read, () => timed(`${count} certificates`, () => insertCertificates(db, sizes)));
    for (const table of ['certificate', 'contact', 'structure', 'administrator', 'administrator_structure'])
      await timed(`vacuum ${table}`, () => db.read.execute(sql.raw(`vacuum analyze ${table}`)));
  } finally {
    await db.close();
  }
}

async function insertCertificates(db: Database, sizes: Sizes): Promise<void> {
  const base = new Date();
  let next = 1;
  const lane = async (): Promise<void> => {
    while (next <= sizes.count) {
      const from = next;
      next += BATCH;
      const to = Math.min(sizes.count, from + BATCH - 1);
      await db.transaction((tx) => insertBatch(tx, sizes, { base, from, to }));
      remark(`certificates ${from} to ${to} of ${sizes.count}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** structIdNat of the structure numbered `s`, and the number of its administrator. */
const NUMBER = sql`'10B' || lpad(s::text, 7, '0')`;
const ADMINISTRATOR = sql`case when s % 10 = 0 then s - s % 100 else s end`;

type Batch = { readonly base: Date; readonly from: number; readonly to: number };

/** `who` is the row whose holder, profile and name a row has: its own, or the one that it replaces. */
async function insertBatch(tx: Tx, { count, structures, persons }: Sizes, { base, from, to }: Batch): Promise<void> {
  await tx.execute(sql`
    insert into certificate (id, issuer, serial, profile, profile_digest, state, tbs, der, subject, holder, holder_key,
      structure, key_digest, order_digest, actor, actor_kind, not_before, not_after, created_at, settled_at, revoked_at)
    select
      (lpad(to_hex((extract(epoch from starts) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' ||
        substr(md5(n::text), 1, 15))::uuid,
      'ACI-EL-ORG-TEST', decode('42' || lpad(to_hex(n), 30, '0'), 'hex'),
      (string_to_array(case when person is null then 'serv-ssl serv-smime serv-sign serv-conf org-auth-cli org-sign org-conf'
        else 'ps-auth ps-sign ps-conf pro-auth pro-sign pro-conf serv-ssl' end, ' '))[(1 + (who * 7919) % 7)::int],
      repeat('a', 64), 'issued', '\\x30'::bytea, '\\x3000'::bytea,
      'CN=' || substr(md5(who::text), 1, 12) || '.exemple.fr,OU=' || s || ',O=ETABLISSEMENT ' || s || ',ST=Paris (75),C=FR',
      case when person is null
        then jsonb_build_object('kind', 'structure', 'structIdNat', s, 'name', 'ETABLISSEMENT ' || s, 'department', '75')
        else jsonb_build_object('kind', 'professional', 'idNatPs', person, 'familyName', 'NOM ' || person, 'givenName', 'ANNE') end,
      coalesce(person, s), case when person is null then s end,
      sha256(int8send(n)), sha256(int8send(-n)),
      case when who % 100 = 7 then 'operator:bench' else 'administrator:' || md5('administrator ' || a)::uuid end,
      case when who % 100 = 7 then 'operator' else 'administrator' end,
      starts, starts + interval '3 years', starts, starts,
      case when n % 50 = 3 then least(starts + interval '1 year', ${base.toISOString()}::timestamptz) end
    from (
      select n, who, starts, ${NUMBER} as s, ${ADMINISTRATOR} as a,
        case when who % 5 = 1 then '8' || lpad((who / 5 * 7919 % ${persons}::bigint)::text, 11, '0') end as person
      from (
        select n, who, 1 + (who / 5 * 7907 + who % 5) % ${structures}::bigint as s,
          date_trunc('second', ${base.toISOString()}::timestamptz - interval '10 days' - interval '3 years' + (n * 1095.75 * 86400 / ${count}::bigint) * interval '1 second') as starts
        from (select n, case when n % 40 < 2 and n > ${count}::bigint / 2 then n - ${count}::bigint / 2 else n end as who
          from generate_series(${from}::bigint, ${to}::bigint) n) numbered) placed
    ) made`);
}

/** One administrator for each structure, and for ten of each hundred the same one, who gets a digest. */
async function insertPeople(tx: Tx, { structures, persons }: Sizes): Promise<void> {
  const numbers = sql`generate_series(1, ${structures}::int) s`;
  await tx.execute(sql`
    insert into structure (id, struct_id_nat, name, department)
    select md5('structure ' || s)::uuid, ${NUMBER}, 'ETABLISSEMENT ' || s, '75' from ${numbers}`);
  await tx.execute(sql`
    insert into administrator (id, issuing_ca, card_profile, national_id)
    select distinct md5('administrator ' || a)::uuid, 'ACI-FO-PP-TEST', 'cps-auth', '9' || lpad(a::text, 11, '0')
    from ${numbers}, lateral (select ${ADMINISTRATOR} as a) named`);
  await tx.execute(sql`
    insert into administrator_structure (administrator_id, structure_id)
    select md5('administrator ' || ${ADMINISTRATOR})::uuid, md5('structure ' || s)::uuid
    from ${numbers}`);
  await insertContacts(
    tx,
    sql`
    select 'structure', ${NUMBER}, 'owner', 'dsi' || which || '.' || s from ${numbers}, generate_series(1, 2) which
    where s % 500 <> 0 and (which = 1 or s % 5 < 2)`,
  );
  await insertContacts(
    tx,
    sql`select 'structure', ${NUMBER}, 'fallback', 'standard.' || s from ${numbers} where s % 10 < 5`,
  );
  await insertContacts(
    tx,
    sql`
    select 'administrator', id::text, 'technical', 'technique.' || national_id from administrator where national_id::bigint % 9 > 0`,
  );
  await insertContacts(
    tx,
    sql`
    select 'holder', '8' || lpad(p::text, 11, '0'), 'owner', 'personne.' || p
    from generate_series(0, ${persons}::int - 1) p where p % 500 <> 0`,
  );
}

/** One in four reads English. */
async function insertContacts(tx: Tx, wanted: ReturnType<typeof sql>): Promise<void> {
  await tx.execute(sql`
    insert into contact (id, owner_kind, owner_key, role, email, language)
    select md5(kind || key || role || name)::uuid, kind, key, role, name || '@exemple.fr',
      case when get_byte(sha256(name::bytea), 0) < 64 then 'en' else 'fr' end
    from (${wanted}) as made (kind, key, role, name)`);
}
