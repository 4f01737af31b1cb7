// What is due and what was told: one row for each certificate and threshold, whoever records it and however often.

import { eq, sql } from 'drizzle-orm';
import type { JsonObject } from './canonical.ts';
import type { Database, Tx } from './connect.ts';
import { noticeProgress } from './schema/notices.ts';

/** An issued certificate that is neither revoked nor replaced, as its notice needs it. */
export type EndingCertificate = {
  readonly id: string;
  readonly profile: string;
  /** CA id */
  readonly issuer: string;
  readonly serial: Uint8Array;
  /** RFC 4514 text */
  readonly subject: string;
  readonly holder: JsonObject;
  readonly holderKey: string;
  /** structIdNat of the structure it belongs to */
  readonly structure: string | null;
  /** `administrator:…` by row id, for those that were ordered */
  readonly actor: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

/** What tells when it is due and who is told. */
export type EndingHolder = Pick<
  EndingCertificate,
  'id' | 'holderKey' | 'structure' | 'actor' | 'notBefore' | 'notAfter'
>;

/** As PostgreSQL writes them. */
type Row<T extends EndingHolder> = Omit<T, 'notBefore' | 'notAfter'> & {
  readonly notBefore: string;
  readonly notAfter: string;
};

/** Where a walk goes on: behind this end and, of those with this end, behind this id. */
export type EndCursor = { readonly notAfter: Date; readonly id?: string };

export type EndingFilter = {
  /** by name; certificates that have this notice are left out */
  readonly threshold: string;
  readonly after: EndCursor;
  /** the last end, inclusive */
  readonly upTo: Date;
  readonly limit: number;
};

const columns = sql`c.id, c.holder_key as "holderKey", c.structure, c.actor, c.not_before as "notBefore",
  c.not_after as "notAfter"`;

/**
 * Takes its place: the same holder, profile and name, and a later end. The beginning of the name is compared besides, because there is
 * an index on it: a holder may have thousands of certificates.
 */
export const replaced = sql`exists (
  select from certificate s
  where s.holder_key = c.holder_key and s.profile = c.profile and s.subject = c.subject
    and lower(left(s.subject, 64)) = lower(left(c.subject, 64)) and s.state = 'issued'
    and s.revoked_at is null and s.not_after > c.not_after)`;

/** Certificates of the service itself are renewed by it. */
export const ends = sql`c.state = 'issued' and c.revoked_at is null and c.actor_kind <> 'system'`;

/**
 * Certificates that end in a range and have not had a notice, by end: the index certificate_by_end is walked from `after` on, so the
 * cost is that of the range and not of the table. That the end is not before `after` is said twice, because PostgreSQL takes a row
 * that is compared for a third of the table. It gets no helpers of its own for a page: to start them takes as long as the page.
 */
export async function listEnding(
  db: Database,
  { threshold, after, upTo, limit }: EndingFilter,
): Promise<EndingHolder[]> {
  // the largest id, so that without one the walk goes on behind all that end then
  const id = after.id ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  const wanted = sql`
    select ${columns} from certificate c
    where ${ends}
      and (c.not_after, c.id) > (${after.notAfter.toISOString()}::timestamptz, ${id}::uuid)
      and c.not_after between ${after.notAfter.toISOString()}::timestamptz and ${upTo.toISOString()}::timestamptz
      and not exists (select from notice n where n.certificate_id = c.id and n.threshold = ${threshold})
      and not ${replaced}
    order by c.not_after, c.id limit ${limit}`;
  const find = async (tx: Tx): Promise<EndingHolder[]> => {
    await tx.execute(sql`set local max_parallel_workers_per_gather = 0`);
    const { rows } = await tx.execute<Row<EndingHolder>>(wanted);
    return rows.map(dated);
  };
  return await db.transaction(find, { readOnly: true });
}

/** Those of these certificates that are still to be told of: neither revoked nor replaced, and not past their end. */
export async function listStillEnding(tx: Tx, ids: readonly string[], now: Date): Promise<EndingCertificate[]> {
  const { rows } = await tx.execute<Row<EndingCertificate>>(sql`
    select ${columns}, c.profile, c.issuer, c.serial, c.subject, c.holder from certificate c
    where c.id in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))
      and ${ends} and c.not_after > ${now.toISOString()}::timestamptz and not ${replaced}`);
  return rows.map((row) => ({ ...dated(row), serial: new Uint8Array(row.serial) }));
}

const dated = <T extends EndingHolder>(row: Row<T>) => ({
  ...row,
  notBefore: new Date(row.notBefore),
  notAfter: new Date(row.notAfter),
});

export type NewNotice = {
  readonly certificateId: string;
  readonly threshold: string;
  readonly dueAt: Date;
  /** with its angle brackets, the same whoever records it */
  readonly messageId: string;
};

/** Writes the notices that are new, and answers the ids of their certificates. */
export async function recordNotices(tx: Tx, notices: readonly NewNotice[]): Promise<ReadonlySet<string>> {
  if (notices.length === 0) return new Set();
  const { rows } = await tx.execute<{ certificateId: string }>(sql`
    insert into notice (certificate_id, threshold, due_at, message_id)
    select "certificateId", threshold, "dueAt", "messageId" from jsonb_to_recordset(${JSON.stringify(notices)}::jsonb)
      as new ("certificateId" uuid, threshold text, "dueAt" timestamptz, "messageId" text)
    on conflict (certificate_id, threshold) do nothing
    returning certificate_id as "certificateId"`);
  return new Set(rows.map(({ certificateId }) => certificateId));
}

/** Up to which end everything that was due at a threshold has been looked at; undefined before the first run. */
export async function findNoticeProgress(tx: Tx, threshold: string): Promise<Date | undefined> {
  const [row] = await tx.select().from(noticeProgress).where(eq(noticeProgress.threshold, threshold));
  return row?.notAfter;
}

/** Notes how far a run has looked; never goes back. */
export async function recordNoticeProgress(tx: Tx, threshold: string, notAfter: Date): Promise<void> {
  await tx
    .insert(noticeProgress)
    .values({ threshold, notAfter })
    .onConflictDoUpdate({
      target: noticeProgress.threshold,
      set: { notAfter: sql`greatest(${noticeProgress.notAfter}, excluded.not_after)` },
    });
}

/** The next run looks at everything that a threshold may concern. */
export async function forgetNoticeProgress(tx: Tx, threshold: string): Promise<void> {
  await tx.delete(noticeProgress).where(eq(noticeProgress.threshold, threshold));
}

/**
 * Holds notices until commit, so that of two of whose mails come back at once the second sees what became of the first; always before
 * any of their mails.
 */
export async function lockNotices(
  tx: Tx,
  notices: readonly Pick<NewNotice, 'certificateId' | 'threshold'>[],
): Promise<void> {
  await tx.execute(sql`
    select from notice where (certificate_id, threshold) in (
      select (value ->> 'certificateId')::uuid, value ->> 'threshold'
      from jsonb_array_elements(${JSON.stringify(notices)}::jsonb))
    order by certificate_id, threshold for no key update`);
}

export type MissingFilter = {
  readonly threshold: string;
  /** an interval of PostgreSQL: `2 months` */
  readonly interval: string;
  /** that of the threshold after this one; none for the last */
  readonly nextInterval?: string | undefined;
  readonly zone: string;
  readonly now: Date;
  /** what became due after this may still be on its way */
  readonly dueBefore: Date;
};

/** More are no more of an alarm. */
const MOST_MISSING = 1_000;

/**
 * How many certificates should have had a notice and have none, up to a thousand. Nothing of this is shared with the run that records
 * notices: neither how far it got nor its dates, which PostgreSQL counts here.
 */
export async function countMissingNotices(tx: Tx, filter: MissingFilter): Promise<number> {
  const { threshold, interval, nextInterval, zone } = filter;
  const [now, dueBefore] = [filter.now.toISOString(), filter.dueBefore.toISOString()];
  const dueAt = (before: string) =>
    sql`((c.not_after at time zone ${zone}) - ${before}::interval) at time zone ${zone}`;
  const next = nextInterval === undefined ? undefined : sql`${now}::timestamptz + ${nextInterval}::interval`;
  // Of ten million certificates half a million are in the ranges, and almost all have their notice: that is seen in two indices alone,
  // before anything else is asked of the others.
  const { rows } = await tx.execute<{ missing: number }>(sql`
    with untold as materialized (
      select c.id from certificate c
      where ${ends} and c.not_after > ${next === undefined ? sql`${now}::timestamptz` : sql`${next} - interval '4 days'`}
        and c.not_after > ${now}::timestamptz
        and c.not_after <= ${now}::timestamptz + ${interval}::interval + interval '4 days'
        and ${dueAt(interval)} <= ${dueBefore}::timestamptz
        ${nextInterval === undefined ? sql`` : sql`and ${dueAt(nextInterval)} > ${now}::timestamptz`}
        and not exists (select from notice n where n.certificate_id = c.id and n.threshold = ${threshold}))
    select count(*)::int as missing from (
      select from untold join certificate c using (id)
      where ${dueAt(interval)} > greatest(c.not_before, c.settled_at) and not ${replaced}
      limit ${MOST_MISSING}) missing`);
  return rows[0]?.missing ?? 0;
}
