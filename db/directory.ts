// What the LDAP directory was told and is to be told. The directory itself is written outside of any transaction; what is noted here
// afterwards is fenced by the lease of whoever wrote it.

import { and, count, eq, inArray, lte, min, notLike, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import type { FeedCursor, FeedRow } from './feed.ts';
import { fencedBy, type HeldLease } from './leases.ts';
import { certificate } from './schema/certificates.ts';
import { directoryList, directoryLook, directoryPending, directoryProgress } from './schema/directory.ts';

export type DirectoryProgress = {
  /** of the feed of issuances and revocations */
  readonly cursor: FeedCursor;
  /** certificates that ended by then are out of the directory */
  readonly endedUntil: Date;
  readonly completeAt?: Date;
};

/** A certificate as far as its entry needs it. */
export type DirectoryRow = {
  readonly id: string;
  readonly profile: string;
  readonly holderKey: string;
  readonly subject: string;
  readonly notAfter: Date;
};

const rowColumns = {
  id: certificate.id,
  profile: certificate.profile,
  holderKey: certificate.holderKey,
  subject: certificate.subject,
  notAfter: certificate.notAfter,
};

/** How far the directory has followed. */
export async function readDirectoryProgress(tx: Tx): Promise<DirectoryProgress> {
  const [row] = await tx.select().from(directoryProgress);
  if (row === undefined) throw new TypeError('a migration wrote the one row of directory_progress');
  const { xid, position, endedUntil, completeAt } = row;
  return { cursor: { xid, position }, endedUntil, ...(completeAt !== null && { completeAt }) };
}

/** Notes how far the directory has followed now; false, and nothing noted, when the lease was lost. */
export async function recordDirectoryProgress(
  tx: Tx,
  lease: HeldLease,
  { cursor, endedUntil, completeAt }: Partial<DirectoryProgress>,
): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    with held as (${fencedBy(lease)})
    update directory_progress set
      xid = coalesce(${cursor?.xid ?? null}::xid8, xid), position = coalesce(${cursor?.position ?? null}::bigint, position),
      ended_until = coalesce(${endedUntil?.toISOString() ?? null}::timestamptz, ended_until),
      complete_at = coalesce(${completeAt?.toISOString() ?? null}::timestamptz, complete_at)
    from held`);
  return rowCount === 1;
}

/** The certificates that rows of the feed are about. */
export async function certificatesOfFeed(tx: Tx, rows: readonly FeedRow[]): Promise<DirectoryRow[]> {
  const issuers = rows.map(({ issuer }) => issuer).join();
  const serials = rows.map(({ serial }) => Buffer.from(serial).toString('hex')).join();
  return await tx
    .select(rowColumns)
    .from(certificate)
    .where(
      sql`(${certificate.issuer}, ${certificate.serial}) in (
        select issuer, decode(serial, 'hex')
        from unnest(string_to_array(${issuers}, ','), string_to_array(${serials}, ',')) as told (issuer, serial))`,
    );
}

export type EndedPage = {
  readonly from: Date;
  readonly to: Date;
  readonly limit: number;
  /** the last certificate of the page before */
  readonly after?: Pick<DirectoryRow, 'id' | 'notAfter'> | undefined;
};

/**
 * Certificates whose validity ended after `from` and not after `to`, in the order of their ends; revoked ones went before, and those of
 * the system itself never were there.
 */
export async function certificatesEnded(tx: Tx, { from, to, limit, after }: EndedPage): Promise<DirectoryRow[]> {
  const { notAfter, id } = certificate;
  const place =
    after === undefined
      ? sql`${notAfter} >= ${from.toISOString()}::timestamptz`
      : sql`(${notAfter}, ${id}) > (${after.notAfter.toISOString()}::timestamptz, ${after.id}::uuid)`;
  return await tx
    .select(rowColumns)
    .from(certificate)
    .where(
      sql`${place} and ${notAfter} < ${to.toISOString()}::timestamptz
        and ${certificate.state} = 'issued' and ${certificate.revokedAt} is null and ${certificate.actorKind} <> 'system'`,
    )
    .orderBy(notAfter, id)
    .limit(limit);
}

/** What the directory may show at a moment: which holders' certificates, and of which profiles. */
export type Shown = {
  readonly holderKeys: readonly string[];
  readonly profiles: readonly string[];
  readonly now: Date;
};

/**
 * The certificates of these holders that were issued, are not revoked and have not ended, oldest first, without their bytes. Whether
 * those that hold a mailbox are shown is not asked here.
 */
export async function certificatesShown(tx: Tx, { holderKeys, profiles, now }: Shown): Promise<DirectoryRow[]> {
  return await tx
    .select(rowColumns)
    .from(certificate)
    .where(
      sql`${certificate.holderKey} = any (array(select jsonb_array_elements_text(${JSON.stringify(holderKeys)}::jsonb)))
        and ${certificate.profile} = any (string_to_array(${profiles.join()}, ','))
        and ${certificate.state} = 'issued' and ${certificate.revokedAt} is null
        and ${certificate.notAfter} >= ${now.toISOString()}::timestamptz`,
    )
    .orderBy(certificate.id);
}

/** Holders of such certificates after `after`, in order: where a walk through all of them goes on. */
export async function holdersShown(
  tx: Tx,
  { profiles, now, after, limit }: Omit<Shown, 'holderKeys'> & { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await tx
    .selectDistinctOn([certificate.holderKey], { holderKey: certificate.holderKey })
    .from(certificate)
    .where(
      sql`${certificate.holderKey} > ${after} and ${certificate.profile} = any (string_to_array(${profiles.join()}, ','))
        and ${certificate.state} = 'issued' and ${certificate.revokedAt} is null
        and ${certificate.notAfter} >= ${now.toISOString()}::timestamptz`,
    )
    .orderBy(certificate.holderKey)
    .limit(limit);
  return rows.map(({ holderKey }) => holderKey);
}

/** The DER of certificates by id. */
export async function certificateBytes(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await tx
    .select({ id: certificate.id, der: certificate.der })
    .from(certificate)
    .where(sql`${certificate.id} = any (string_to_array(${ids.join()}, ',')::uuid[])`);
  return new Map(rows.flatMap(({ id, der }) => (der === null ? [] : [[id, der] as const])));
}

/** Asks for another look at the entries of these certificates, once however often it is asked. */
export async function askForLook(tx: Tx, certificateIds: readonly string[]): Promise<void> {
  for (let from = 0; from < certificateIds.length; from += 1_000) {
    const rows = certificateIds.slice(from, from + 1_000).map((certificateId) => ({ certificateId }));
    await tx
      .insert(directoryLook)
      .values(rows)
      .onConflictDoUpdate({ target: directoryLook.certificateId, set: { xid: sql`pg_current_xact_id()` } });
  }
}

/** A certificate whose entry wants another look; `wish` tells this wish from a later one. */
export type WantedLook = DirectoryRow & { readonly wish: bigint };

/** Looks that were asked for. */
export async function wantedLooks(tx: Tx, limit: number): Promise<WantedLook[]> {
  return await tx
    .select({ ...rowColumns, wish: directoryLook.xid })
    .from(directoryLook)
    .innerJoin(certificate, eq(certificate.id, directoryLook.certificateId))
    .orderBy(directoryLook.certificateId)
    .limit(limit);
}

/** Forgets looks that were taken; one that was asked for again meanwhile stays. */
export async function settleLooks(tx: Tx, looks: readonly Pick<WantedLook, 'id' | 'wish'>[]): Promise<void> {
  const taken = looks.map(({ id, wish }) => `${id} ${wish}`).join();
  await tx.execute(sql`
    delete from directory_look where (certificate_id, xid) in (
      select split_part(look, ' ', 1)::uuid, split_part(look, ' ', 2)::xid8 from unnest(string_to_array(${taken}, ',')) as look)`);
}

/** How many looks are still to be taken, counted up to `limit`. */
export async function countLooks(tx: Tx, limit: number): Promise<number> {
  const { rows } = await tx.execute<{ looks: number }>(
    sql`select count(*)::int as looks from (select from directory_look limit ${limit}) as waiting`,
  );
  return rows[0]?.looks ?? 0;
}

export type Postponed = {
  readonly entry: string;
  /** a word or a result code; never what the server said, which may quote a name */
  readonly reason: string;
  /** the first pause, which doubles with each refusal in a row */
  readonly pauseMs: number;
  readonly longestMs: number;
};

/** Notes that the directory refused an entry, and when to try again. */
export async function postponeEntry(tx: Tx, { entry, reason, pauseMs, longestMs }: Postponed): Promise<void> {
  await tx.execute(sql`
    insert into directory_pending as pending (entry, attempts, reason, since, next_try)
    values (${entry}, 1, ${reason}, clock_timestamp(), clock_timestamp() + ${pauseMs} * interval '1 millisecond')
    on conflict (entry) do update set
      attempts = pending.attempts + 1, reason = excluded.reason,
      next_try = clock_timestamp() + least(${pauseMs} * power(2, least(pending.attempts, 20)), ${longestMs}) * interval '1 millisecond'`);
}

/** Notes that the directory has taken these entries. */
export async function settleEntries(tx: Tx, entries: readonly string[]): Promise<void> {
  for (let from = 0; from < entries.length; from += 1_000)
    await tx.delete(directoryPending).where(inArray(directoryPending.entry, entries.slice(from, from + 1_000)));
}

/** Refused entries of holders whose pause is over, the longest first. */
export async function dueEntries(tx: Tx, limit: number): Promise<string[]> {
  const rows = await tx
    .select({ entry: directoryPending.entry })
    .from(directoryPending)
    .where(
      and(
        lte(directoryPending.nextTry, sql`clock_timestamp()`),
        // authorities have a round of their own
        notLike(directoryPending.entry, '["authority"%'),
      ),
    )
    .orderBy(directoryPending.nextTry)
    .limit(limit);
  return rows.map(({ entry }) => entry);
}

export type PendingSummary = {
  readonly entries: number;
  readonly oldest?: Date;
  readonly reasons: readonly string[];
  /** since when the first of those waits that are not refused: their directory is away */
  readonly awaySince?: Date;
};

/** How many entries the directory refuses, since when, and with which result codes; and what waits because it is away. */
export async function pendingSummary(tx: Tx): Promise<PendingSummary> {
  const rows = await tx
    .select({ reason: directoryPending.reason, entries: count(), oldest: min(directoryPending.since) })
    .from(directoryPending)
    .groupBy(directoryPending.reason)
    .orderBy(directoryPending.reason);
  const isAway = ({ reason }: { readonly reason: string }): boolean => reason.endsWith('_away');
  const refused = rows.filter((row) => !isAway(row));
  const [oldest, awaySince] = [oldestOf(refused), oldestOf(rows.filter(isAway))];
  return {
    entries: refused.reduce((sum, row) => sum + row.entries, 0),
    ...(oldest !== undefined && { oldest }),
    reasons: refused.map(({ reason }) => reason),
    ...(awaySince !== undefined && { awaySince }),
  };
}

function oldestOf(rows: readonly { readonly oldest: Date | null }[]): Date | undefined {
  const times = rows.flatMap(({ oldest }) => (oldest === null ? [] : [oldest.getTime()]));
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** Authorities whose entry the directory does not have, or whose last list it does not have; none that waits for its next try. */
export async function authoritiesBehind(tx: Tx): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select authority.id from certification_authority authority
    left join directory_list written on written.authority = authority.id
    where coalesce((select max(number) from crl where issuer = authority.id and state = 'published'), 0)
      is distinct from written.number
    order by authority.id`);
  return rows.map(({ id }) => id);
}

/** Notes which list of an authority stands in the directory; false when the lease was lost. */
export async function recordDirectoryList(
  tx: Tx,
  lease: HeldLease,
  { authority, number }: { readonly authority: string; readonly number: bigint },
): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    with held as (${fencedBy(lease)})
    insert into directory_list (authority, number, written_at)
    select ${authority}, ${number}::bigint, clock_timestamp() from held
    on conflict (authority) do update set number = excluded.number, written_at = excluded.written_at`);
  return rowCount === 1;
}

/** Whether an entry waits for its next try. */
export async function isPostponed(tx: Tx, entry: string): Promise<boolean> {
  const rows = await tx
    .select({ entry: directoryPending.entry })
    .from(directoryPending)
    .where(and(eq(directoryPending.entry, entry), sql`${directoryPending.nextTry} > clock_timestamp()`));
  return rows.length > 0;
}

/** Forgets which lists of these authorities stand in the directory, so that they are written again. */
export async function forgetDirectoryLists(tx: Tx, authorities: readonly string[]): Promise<void> {
  if (authorities.length > 0) await tx.delete(directoryList).where(inArray(directoryList.authority, [...authorities]));
}
