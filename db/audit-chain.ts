// Seals audit rows into the hash chain, and finds what was changed afterwards. The chain follows the order (xid, id), and the
// sealer stops at the oldest transaction that still runs: every row before that point is final, so none can appear behind it.

import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { auditDigest } from './audit.ts';
import type { JsonObject } from './canonical.ts';
import type { Tx } from './connect.ts';
import { fencedBy, type HeldLease } from './leases.ts';

/** Where the chain ends; position 0 and 32 zero bytes before the first seal. */
type AuditHead = { readonly position: bigint; readonly hash: Uint8Array };

/** What `verifyAudit` found wrong. */
type AuditFault = {
  /**
   * `edited`: the row does not match its digest · `missing`: no row for this position · `unsealed`: a row that the sealer passed
   * without chaining it · `broken`: the chain's hash does not follow · `cut`: the chain does not end where the head says
   */
  readonly kind: 'edited' | 'missing' | 'unsealed' | 'broken' | 'cut';
  readonly position: bigint;
  readonly eventId?: bigint;
};

export type AuditVerification = { readonly checked: number; readonly head: AuditHead; readonly faults: AuditFault[] };

type Cursor = { readonly xid: string; readonly eventId: string };
type Place = AuditHead & Cursor;
const START: Place = { position: 0n, hash: new Uint8Array(32), xid: '0', eventId: '0' };
const PAGE = 1000;
const FAULTS_AT_MOST = 100;

/**
 * Chains at most `limit` committed audit rows; answers how many, or undefined when the lease was lost. Needs a transaction.
 * When it answers `limit` there may be more.
 */
export async function sealAudit(tx: Tx, seal: HeldLease & { readonly limit: number }): Promise<number | undefined> {
  const head = await lockHead(tx, seal);
  if (!head) return undefined;
  const { rows } = await tx.execute<{ id: string; xid: string; digest: Uint8Array }>(sql`
    select id, xid, digest from audit_event
    where (xid, id) > (${head.xid}::xid8, ${head.eventId}::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
    order by xid, id limit ${seal.limit}`);
  const last = rows.at(-1);
  if (!last) return 0;
  const hashes = [head.hash];
  rows.forEach(({ digest }, index) => {
    hashes.push(chainHash(hashes[index] ?? head.hash, digest, head.position + BigInt(index + 1)));
  });
  await appendChain(tx, head, { hashes, eventIds: rows.map(({ id }) => id), xid: last.xid });
  return rows.length;
}

/** Audit rows that are committed and not in the chain yet: how many, and the moment of the oldest. */
export async function unsealedBacklog(tx: Tx): Promise<{ readonly rows: number; readonly oldest: Date | null }> {
  const { rows } = await tx.execute<{ rows: number; oldest: string | null }>(sql`
    select count(*)::int as rows, min(event.at) as oldest from audit_event event, audit_head head
    where (event.xid, event.id) > (head.xid, head.event_id)`);
  const oldest = rows[0]?.oldest;
  return { rows: rows[0]?.rows ?? 0, oldest: oldest ? new Date(oldest) : null };
}

async function lockHead(tx: Tx, lease: HeldLease): Promise<Place | undefined> {
  const { rows } = await tx.execute<{ position: string; hash: Uint8Array; xid: string; event_id: string }>(sql`
    with held as (${fencedBy(lease)})
    select position, hash, xid, event_id from audit_head, held for update of audit_head`);
  return rows[0] && { ...rows[0], position: BigInt(rows[0].position), eventId: rows[0].event_id };
}

type Links = { readonly hashes: readonly Uint8Array[]; readonly eventIds: readonly string[]; readonly xid: string };

// One statement, so that chain and head never disagree.
async function appendChain(tx: Tx, head: Place, { hashes, eventIds, xid }: Links): Promise<void> {
  await tx.execute(sql`
    with links as (
      insert into audit_chain (position, event_id, previous_hash, hash)
      select ${head.position}::bigint + link.number, link.event_id, link.previous_hash, link.hash
      from unnest(${sql.param(eventIds)}::bigint[], ${sql.param(hashes.slice(0, -1))}::bytea[], ${sql.param(hashes.slice(1))}::bytea[])
        with ordinality as link (event_id, previous_hash, hash, number)
    )
    update audit_head set position = ${head.position + BigInt(eventIds.length)}, hash = ${hashes.at(-1)},
      xid = ${xid}::xid8, event_id = ${eventIds.at(-1)}`);
}

/** SHA-256(previous hash ‖ event digest ‖ position as eight bytes, most significant first). */
function chainHash(previous: Uint8Array, digest: Uint8Array, position: bigint): Uint8Array {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(position);
  return createHash('sha256').update(previous).update(digest).update(place).digest();
}

/**
 * Walks audit rows and chain together, from position `from` (default 1) to the head, and lists what is wrong; stops at a
 * hundred faults. Rows not sealed yet are not its matter; erased rows count by their digest.
 */
export async function verifyAudit(tx: Tx, from: bigint = 1n): Promise<AuditVerification> {
  const { head, last } = await readHead(tx);
  const faults: AuditFault[] = [];
  let place = await placeBefore(tx, from);
  if (!place) {
    faults.push({ kind: 'missing', position: from - 1n });
    place = START;
  }
  let checked = 0;
  for (let rows = await readPage(tx, place, head); rows.length > 0; rows = await readPage(tx, place, head)) {
    for (const row of rows) place = checkRow(row, place, faults);
    checked += rows.length;
    if (faults.length >= FAULTS_AT_MOST) return { checked, head, faults: faults.slice(0, FAULTS_AT_MOST) };
  }
  if (place.position !== head.position || !equal(place.hash, head.hash) || last !== head.position) {
    faults.push({ kind: 'cut', position: place.position });
  }
  return { checked, head, faults };
}

async function readHead(tx: Tx): Promise<{ head: Place; last: bigint }> {
  const { rows } = await tx.execute<{
    position: string;
    hash: Uint8Array;
    xid: string;
    event_id: string;
    last: string;
  }>(
    sql`select position, hash, xid, event_id, coalesce((select max(position) from audit_chain), 0) as last from audit_head`,
  );
  const row = rows[0];
  if (!row) return { head: START, last: -1n };
  return { head: { ...row, position: BigInt(row.position), eventId: row.event_id }, last: BigInt(row.last) };
}

async function placeBefore(tx: Tx, from: bigint): Promise<Place | undefined> {
  if (from <= 1n) return START;
  const { rows } = await tx.execute<{ hash: Uint8Array; xid: string; id: string }>(sql`
    select chain.hash, event.xid, event.id from audit_chain chain join audit_event event on event.id = chain.event_id
    where chain.position = ${from - 1n}`);
  return rows[0] && { position: from - 1n, hash: rows[0].hash, xid: rows[0].xid, eventId: rows[0].id };
}

type Row = {
  id: string;
  xid: string;
  at: string;
  kind: string;
  actor: string;
  subject_id: string;
  content: JsonObject | null;
  salt: Uint8Array | null;
  digest: Uint8Array;
  position: string | null;
  previous_hash: Uint8Array | null;
  hash: Uint8Array | null;
};

async function readPage(tx: Tx, after: Cursor, head: Cursor): Promise<Row[]> {
  const { rows } = await tx.execute<Row>(sql`
    select event.*, chain.position, chain.previous_hash, chain.hash
    from audit_event event left join audit_chain chain on chain.event_id = event.id
    where (event.xid, event.id) > (${after.xid}::xid8, ${after.eventId}::bigint)
      and (event.xid, event.id) <= (${head.xid}::xid8, ${head.eventId}::bigint)
    order by event.xid, event.id limit ${PAGE}`);
  return rows;
}

// Goes on from what is stored, so that one fault is reported once and not for every row after it.
function checkRow(row: Row, before: Place, faults: AuditFault[]): Place {
  const cursor = { xid: row.xid, eventId: row.id };
  const eventId = BigInt(row.id);
  if (row.position === null || row.hash === null || row.previous_hash === null) {
    faults.push({ kind: 'unsealed', position: before.position + 1n, eventId });
    return { ...before, ...cursor };
  }
  const position = BigInt(row.position);
  const follows = position === before.position + 1n;
  if (!follows) faults.push({ kind: 'missing', position: before.position + 1n });
  const linked = !follows || equal(row.previous_hash, before.hash);
  if (!linked || !equal(row.hash, chainHash(row.previous_hash, row.digest, position))) {
    faults.push({ kind: 'broken', position, eventId });
  }
  if (!matchesDigest(row)) faults.push({ kind: 'edited', position, eventId });
  return { ...cursor, position, hash: row.hash };
}

function matchesDigest({ at, kind, actor, subject_id: subjectId, content, salt, digest }: Row): boolean {
  if (content === null || salt === null) return true;
  return equal(digest, auditDigest({ at: new Date(at), kind, actor, subjectId, content }, salt));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
