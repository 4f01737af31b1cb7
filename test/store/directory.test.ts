import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addToStore } from '#db/certificate-store.ts';
import { findInDirectory } from '../../src/store/directory.ts';
import { issued, NOW, recordSampleAuthority } from '../db/samples.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { policies } from '../policy/policies.ts';

let fresh: FreshDatabase;
const add = async (profile: string, soughtName: string): Promise<string> => {
  const { id, issuer, notAfter } = await issued(fresh.db.read, { profile });
  const key = new Uint8Array(randomBytes(20));
  const keys = { certificateKey: key, subjectKey: key, issuerAndSerialKey: key, keyIdentifierKey: key };
  const names = { soughtName, hosts: [], mailboxes: [] };
  await addToStore(fresh.db.read, [{ certificateId: id, issuer, profile, notAfter, ...keys, ...names }]);
  return id;
};

/** Three thousand of one profile, and behind them one of another. */
beforeAll(async () => {
  fresh = await freshDatabase();
  const { read } = fresh.db;
  await recordSampleAuthority(fresh.db);
  const first = await add('serv-ssl', 'mar');
  await add('org-sign', 'mar z');
  await read.execute(sql`
    insert into certificate (id, issuer, serial, profile, profile_digest, state, tbs, der, subject, holder, holder_key,
        key_digest, order_digest, actor, actor_kind, not_before, not_after, settled_at)
      select gen_random_uuid(), issuer, '\\x41'::bytea || substr(sha256(n::text::bytea), 1, 15), profile, profile_digest,
        state, tbs, der, subject, holder, holder_key, sha256(n::text::bytea), order_digest, actor, actor_kind, not_before,
        not_after, settled_at
      from certificate, generate_series(1, 3000) as n where id = ${first}`);
  await read.execute(sql`
    insert into certificate_store (certificate_id, issuer, profile, not_after, certificate_key, subject_key,
        issuer_and_serial_key, key_identifier_key, sought_name, hosts, mailboxes)
      select id, issuer, profile, not_after, k, k, k, k, 'mar ' || encode(k, 'hex'), '{}', '{}'
      from certificate, substr(key_digest, 1, 20) as k where id not in (select certificate_id from certificate_store)`);
});
afterAll(() => fresh.drop());

const find = (changes: Partial<Parameters<typeof findInDirectory>[1]>) =>
  findInDirectory({ db: fresh.db, policies, clock: () => NOW }, { name: 'mar', limit: 20, ...changes });

it('a rare profile among many names is found page by page, and a page that looked at enough is empty', async () => {
  const first = await find({ profile: 'org-sign' });
  expect([first.entries, first.next?.soughtName]).toEqual([[], expect.stringMatching(/^mar [0-9a-f]{40}$/)]);
  const second = await find({ profile: 'org-sign', ...(first.next && { after: first.next }) });
  expect([second.entries.map(({ profile }) => profile), second.next]).toEqual([['org-sign'], undefined]);
});

it('a full page goes on behind its own last entry, and no name is left out or comes twice', async () => {
  const seen = new Set<string>();
  let read = 0;
  for (let after: Parameters<typeof find>[0]['after'], more = true; more; ) {
    const { entries, next } = await find({ limit: 700, ...(after && { after }) });
    for (const { serial } of entries) seen.add(Buffer.from(serial).toString('hex'));
    read += entries.length;
    after = next;
    more = next !== undefined;
  }
  expect([seen.size, read]).toEqual([3_002, 3_002]);
});
