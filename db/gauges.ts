// What gauges show of the database, each in one statement that reads no certificate and no list.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import type { FeedCursor } from './feed.ts';

export type PublishedList = {
  /** CA id */
  readonly issuer: string;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** revoked certificates on it */
  readonly entries: number;
  /** of the DER */
  readonly bytes: number;
};

/** The last published CRL of each authority that has one. */
export async function publishedLists(tx: Tx): Promise<PublishedList[]> {
  const { rows } = await tx.execute<{
    issuer: string;
    number: string;
    this_update: string;
    next_update: string;
    entries: number;
    bytes: number;
  }>(sql`
    select authority.id as issuer, latest.* from certification_authority authority cross join lateral (
      select number, this_update, next_update, entries, octet_length(der) as bytes from crl
      where crl.issuer = authority.id and state = 'published' order by number desc limit 1
    ) latest`);
  return rows.map((row) => ({
    issuer: row.issuer,
    number: Number(row.number),
    thisUpdate: new Date(row.this_update),
    nextUpdate: new Date(row.next_update),
    entries: row.entries,
    bytes: row.bytes,
  }));
}

/** Rows of the status feed beyond `cursor`, counted up to `limit`. */
export async function feedRowsBeyond(tx: Tx, { xid, position }: FeedCursor, limit: number): Promise<number> {
  const { rows } = await tx.execute<{ rows: number }>(sql`
    select count(*)::int as rows from (
      select 1 from status_feed where (xid, position) > (${xid}::xid8, ${position}::bigint) limit ${limit}
    ) beyond`);
  return rows[0]?.rows ?? 0;
}

/** Jobs that failed as often as they may. */
export async function jobsGivenUp(tx: Tx): Promise<number> {
  const { rows } = await tx.execute<{ jobs: number }>(
    sql`select count(*)::int as jobs from graphile_worker.jobs where attempts >= max_attempts`,
  );
  return rows[0]?.jobs ?? 0;
}
