import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendAudit, eraseAuditContent } from '#db/audit.ts';
import { type AuditVerification, sealAudit, verifyAudit } from '#db/audit-chain.ts';
import { acquireLease } from '#db/leases.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { NOW, untilFinal } from './samples.ts';

// Rows a, b and c are sealed at positions 1 to 3; the row `unsealed` is not. Every test takes back what it did.
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  for (const subject of ['a', 'b', 'c']) await append(subject);
  await untilFinal(fresh.db);
  await seal();
  await append('unsealed');
});
afterAll(() => fresh.drop());

async function append(subjectId: string): Promise<void> {
  await appendAudit(fresh.db.read, { at: NOW, kind: 'test', actor: 'tester', subjectId, content: { n: 1 } });
}

async function seal(): Promise<void> {
  const epoch = (await acquireLease(fresh.db.read, 'seal', 'a', 3_600_000)) ?? 0n;
  await fresh.db.transaction((tx) => sealAudit(tx, { leaseName: 'seal', epoch, limit: 1000 }));
}

/** What verification says after somebody with all rights on the database, whom no trigger stops, did this. */
async function verifiedAfter(statements: readonly string[], from?: bigint): Promise<AuditVerification> {
  const undo = new Error('undo');
  let verified: AuditVerification | undefined;
  const undone = fresh.db.transaction(async (tx) => {
    await tx.execute('set local session_replication_role = replica');
    for (const statement of statements) await tx.execute(statement);
    verified = await verifyAudit(tx, from);
    throw undo;
  });
  await expect(undone).rejects.toBe(undo);
  if (!verified) throw new Error('nothing was verified');
  return verified;
}

const listed = ({ faults }: AuditVerification) => faults.map(({ kind, position }) => `${kind} ${position}`);

test('an untouched chain has no fault, and tells how far it goes', async () => {
  expect(await verifyAudit(fresh.db.read)).toMatchObject({ checked: 3, head: { position: 3n }, faults: [] });
  expect(await verifyAudit(fresh.db.read, 3n)).toMatchObject({ checked: 1, faults: [] });
  expect(await verifyAudit(fresh.db.read, 4n)).toMatchObject({ checked: 0, faults: [] });
});

test('an empty chain has no fault', async () => {
  const empty = await freshDatabase();
  expect(await verifyAudit(empty.db.read)).toMatchObject({ checked: 0, head: { position: 0n }, faults: [] });
  await empty.drop();
});

test('erased personal data is no fault', async () => {
  const undo = new Error('undo');
  const erased = fresh.db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ id: string }>(sql`select id from audit_event where subject_id = 'a'`);
    expect(await eraseAuditContent(tx, BigInt(rows[0]?.id ?? 0))).toBe(true);
    expect(await verifyAudit(tx)).toMatchObject({ checked: 3, faults: [] });
    throw undo;
  });
  await expect(erased).rejects.toBe(undo);
});

const NEW_HASH = "decode(repeat('ab', 32), 'hex')";
const row = (subject: string) => `(select id from audit_event where subject_id = '${subject}')`;

test.each([
  ['edits the content', [`update audit_event set content = '{"n":2}' where subject_id = 'b'`], ['edited 2']],
  ['edits the actor', [`update audit_event set actor = 'x' where subject_id = 'b'`], ['edited 2']],
  ['edits the time', [`update audit_event set at = at + interval '1 ms' where subject_id = 'b'`], ['edited 2']],
  [
    'edits a row and its digest',
    [`update audit_event set digest = ${NEW_HASH} where subject_id = 'b'`],
    ['broken 2', 'edited 2'],
  ],
  [
    'erases a row and changes its digest',
    [`update audit_event set content = null, salt = null, digest = ${NEW_HASH} where subject_id = 'b'`],
    ['broken 2'],
  ],
  ['edits a hash', [`update audit_chain set hash = ${NEW_HASH} where position = 2`], ['broken 2', 'broken 3']],
  ['deletes a row', [`delete from audit_event where subject_id = 'b'`], ['missing 2']],
  [
    'deletes a row and its link',
    [`delete from audit_chain where event_id = ${row('b')}`, `delete from audit_event where subject_id = 'b'`],
    ['missing 2'],
  ],
  ['takes a row out of the chain', [`delete from audit_chain where position = 2`], ['unsealed 2', 'missing 2']],
  [
    'slips a row in among the sealed ones',
    [
      `insert into audit_event (xid, at, kind, actor, subject_id, content, salt, digest)
       select xid, at, kind, actor, 'slipped', content, salt, digest from audit_event where subject_id = 'b'`,
    ],
    ['unsealed 3'],
  ],
  ['cuts the tail of the chain', [`delete from audit_chain where position = 3`], ['unsealed 3', 'cut 2']],
  [
    'cuts the tail of chain and rows',
    [`delete from audit_chain where position = 3`, `delete from audit_event where subject_id = 'c'`],
    ['cut 2'],
  ],
  ['cuts the whole trail', ['delete from audit_chain', 'delete from audit_event'], ['cut 0']],
  [
    'sets the head back',
    [
      `update audit_head set position = 2, event_id = ${row('b')}, hash = (select hash from audit_chain where position = 2), xid = (select xid from audit_event where subject_id = 'b')`,
    ],
    ['cut 2'],
  ],
])('verification finds who %s', async (_what, statements, expected) => {
  expect(listed(await verifiedAfter(statements))).toEqual(expected);
});

test('verification from a position that is not there says so', async () => {
  expect(listed(await verifiedAfter(['delete from audit_chain where position = 2'], 3n))).toContain('missing 2');
});

test('verification from a later position finds what was changed after it, and not before', async () => {
  const change = (subject: string) => [`update audit_event set actor = 'x' where subject_id = '${subject}'`];
  expect(listed(await verifiedAfter(change('a'), 2n))).toEqual([]);
  expect(listed(await verifiedAfter(change('c'), 2n))).toEqual(['edited 3']);
});

test('verification stops at a hundred faults', async () => {
  const many = `insert into audit_event (xid, at, kind, actor, subject_id, content, salt, digest)
    select xid, at, kind, actor, 'slipped', content, salt, digest from audit_event, generate_series(1, 120)
    where subject_id = 'b'`;
  expect((await verifiedAfter([many])).faults).toHaveLength(100);
});
