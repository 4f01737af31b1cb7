import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditEntry, appendAudit, auditDigest, eraseAuditContent } from '#db/audit.ts';
import { recordIntent } from '#db/certificates.ts';
import { violates } from '#db/query-error.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { digest, intent, NOW } from './samples.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const entry: AuditEntry = {
  at: new Date('2026-11-21T10:00:00.123Z'),
  kind: 'certificate_issued',
  actor: 'administrator-1',
  subjectId: 'certificate-1',
  content: { subject: 'CN=Dr Martin' },
};

type Row = { id: string; salt: Uint8Array; digest: Uint8Array; content: unknown };

async function rowsOf(subjectId: string): Promise<Row[]> {
  const { rows } = await fresh.db.read.execute<Row>(
    sql`select * from audit_event where subject_id = ${subjectId} order by id`,
  );
  return rows;
}

test('an audit row has the digest of its salt and canonical content', async () => {
  await appendAudit(fresh.db.read, entry);
  const [row] = await rowsOf('certificate-1');
  const text =
    '{"actor":"administrator-1","at":"2026-11-21T10:00:00.123Z","content":{"subject":"CN=Dr Martin"},' +
    '"kind":"certificate_issued","subject":"certificate-1"}';
  const salt = Buffer.from(row?.salt ?? []);
  expect(Buffer.from(row?.digest ?? [])).toEqual(Buffer.from(digest(`${salt.toString('latin1')}${text}`, 'latin1')));
});

test.each(['at', 'kind', 'actor', 'subjectId', 'content'] as const)('the digest depends on %s', (field) => {
  const changed = { ...entry, at: NOW, kind: 'x', actor: 'x', subjectId: 'x', content: {} };
  const salt = new Uint8Array(16);
  expect(auditDigest({ ...entry, [field]: changed[field] }, salt)).not.toEqual(auditDigest(entry, salt));
});

test('two equal acts have different digests', async () => {
  await appendAudit(fresh.db.read, { ...entry, subjectId: 'twice' });
  await appendAudit(fresh.db.read, { ...entry, subjectId: 'twice' });
  const [first, second] = await rowsOf('twice');
  expect(first?.digest).not.toEqual(second?.digest);
});

test('an act whose audit row cannot be written does not happen', async () => {
  const act = intent();
  const failed = fresh.db.transaction(async (tx) => {
    await recordIntent(tx, act);
    await appendAudit(tx, { ...entry, kind: '' });
  });
  await expect(failed).rejects.toMatchObject({ constraint: 'audit_event_kind' });
  const { rows } = await fresh.db.read.execute(sql`select 1 from certificate where id = ${act.id}`);
  expect(rows).toEqual([]);
});

test('erasing takes content and salt, once, and keeps the digest', async () => {
  await appendAudit(fresh.db.read, { ...entry, subjectId: 'erased' });
  const [before] = await rowsOf('erased');
  expect(await eraseAuditContent(fresh.db.read, BigInt(before?.id ?? 0))).toBe(true);
  expect(await eraseAuditContent(fresh.db.read, BigInt(before?.id ?? 0))).toBe(false);
  expect(await rowsOf('erased')).toEqual([{ ...before, content: null, salt: null }]);
});

test.each([
  "update audit_event set actor = 'somebody else'",
  "update audit_event set content = null, salt = null, digest = decode(repeat('00', 32), 'hex')",
  "update audit_event set content = '{}'",
  'delete from audit_event',
  'truncate audit_event cascade',
  'update audit_chain set hash = previous_hash',
  'delete from audit_chain',
  'truncate audit_chain',
  'delete from audit_head',
  'update audit_head set position = 0',
])('the audit trail is append-only: %s', async (statement) => {
  await appendAudit(fresh.db.read, entry);
  await fresh.db.read.execute(sql`
    insert into audit_chain (position, event_id, previous_hash, hash)
    select 1, min(id), ${digest('a')}::bytea, ${digest('b')}::bytea from audit_event on conflict do nothing`);
  const error = await fresh.db.read.execute(statement).catch((thrown) => thrown);
  const guards = ['audit_event_append_only', 'audit_chain_append_only', 'audit_head_append_only', 'audit_head_rises'];
  expect(guards.some((guard) => violates(error, guard))).toBe(true);
});
