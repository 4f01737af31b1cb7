// Revocations: at most one per certificate, definitive; only the reason may rise to keyCompromise. And what a CRL lists.

import { eq, sql } from 'drizzle-orm';
import { Refusal } from '../src/errors.ts';
import type { Tx } from './connect.ts';
import { REVOCATION_REASONS, revocation } from './schema/revocations.ts';

export { REVOCATION_REASONS };
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

export type NewRevocation = {
  readonly certificateId: string;
  readonly revokedAt: Date;
  readonly reason: RevocationReason;
  readonly actor: string;
};

/** One entry of a CRL. */
export type RevokedSerial = { readonly serial: Uint8Array; readonly revokedAt: Date };

/**
 * Revokes a certificate that is issued or burnt. 'revoked' the first time; 'raised' when only the reason became
 * keyCompromise (date and actor stay; `revokedAt` is the moment of the raise); 'already' when nothing changed.
 * Refusal('certificate_not_issued') for every other certificate.
 */
export async function recordRevocation(tx: Tx, wanted: NewRevocation): Promise<'revoked' | 'already' | 'raised'> {
  const { certificateId, revokedAt, reason, actor } = wanted;
  const inserted = await tx.execute(sql`
    insert into revocation (certificate_id, issuer, serial, not_after, revoked_at, reason, actor)
    select id, issuer, serial, not_after, ${revokedAt}, ${reason}, ${actor}
    from certificate where id = ${certificateId} and state in ('issued', 'burnt')
    on conflict (certificate_id) do nothing`);
  if (inserted.rowCount === 1) return 'revoked';
  if (!(await isRevoked(tx, certificateId))) {
    throw new Refusal('certificate_not_issued', 'only a certificate that was issued can be revoked');
  }
  return reason === 'keyCompromise' && (await raiseReason(tx, certificateId, revokedAt)) ? 'raised' : 'already';
}

async function isRevoked(tx: Tx, certificateId: string): Promise<boolean> {
  const rows = await tx
    .select({ reason: revocation.reason })
    .from(revocation)
    .where(eq(revocation.certificateId, certificateId));
  return rows.length === 1;
}

/** What it was before is kept with the transaction, by which readers of the feed know the row that tells of the raise. */
async function raiseReason(tx: Tx, certificateId: string, raisedAt: Date): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    with before as (
      select certificate_id, reason from revocation
      where certificate_id = ${certificateId}::uuid and reason <> 'keyCompromise' for update
    ), raised as (
      update revocation set reason = 'keyCompromise' where certificate_id in (select certificate_id from before)
    )
    insert into revocation_raise (certificate_id, reason_before, raised_at)
    select certificate_id, reason, ${raisedAt.toISOString()}::timestamptz from before`);
  return rowCount === 1;
}

/**
 * How long a revocation may take from the beginning of its transaction to its commit, and with it a list from what it has seen to
 * its row (the lease of its publisher is shorter); and how far machines' clocks may differ.
 */
const LONGEST_TRANSACTION = '2 minutes';
const LARGEST_SKEW = '1 hour';

/**
 * Whether the last published CRL of an issuer may lack a revocation: one that was written after that list, or so shortly before
 * that it may have been committed after. False means that it certainly lacks none.
 */
export async function mayBeUnlisted(tx: Tx, issuer: string): Promise<boolean> {
  // The date narrows it down by index; what decides is when the two transactions began, by the database's clock.
  const { rows } = await tx.execute<{ unlisted: boolean }>(sql`
    with last as (
      select this_update, created_at from crl
      where issuer = ${issuer} and state = 'published' order by number desc limit 1
    )
    select exists (
      select from revocation where issuer = ${issuer}
        and revoked_at >= coalesce((select this_update from last), '-infinity') - ${LARGEST_SKEW}::interval
        and created_at >= coalesce((select created_at from last), '-infinity') - ${LONGEST_TRANSACTION}::interval
    ) as unlisted`);
  return rows[0]?.unlisted === true;
}

const HEADER_BYTES = 10;

/**
 * Everything the next full CRL of an issuer lists, by date and then serial. A certificate that has expired stays until a
 * published CRL of the regular series is younger than its end: RFC 5280 §3.3 Revocation. At most ten million entries.
 */
export async function listRevoked(tx: Tx, issuer: string): Promise<RevokedSerial[]> {
  // As rows, a million entries keep the driver busy for three seconds; packed into one value, for one.
  const { rows } = await tx.execute<{ entries: Uint8Array | null }>(sql`
    select string_agg(
      int8send((extract(epoch from revoked_at) * 1000)::bigint) || int2send(octet_length(serial)::int2) || serial, ''
      order by revoked_at, serial) as entries
    from revocation
    where issuer = ${issuer} and not_after >= coalesce((
      select this_update from crl
      where issuer = ${issuer} and state = 'published' and scheduled
      order by number desc limit 1), '-infinity')`);
  return rows[0]?.entries ? unpackEntries(rows[0].entries) : [];
}

// Each entry: milliseconds since 1970 (8 bytes), length of the serial (2 bytes), serial.
function unpackEntries(packed: Uint8Array): RevokedSerial[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const entries: RevokedSerial[] = [];
  for (let offset = 0; offset < packed.byteLength; ) {
    const start = offset + HEADER_BYTES;
    const end = start + view.getUint16(offset + 8);
    const revokedAt = new Date(Number(view.getBigInt64(offset)));
    entries.push({ serial: new Uint8Array(packed.buffer, packed.byteOffset + start, end - start), revokedAt });
    offset = end;
  }
  return entries;
}
