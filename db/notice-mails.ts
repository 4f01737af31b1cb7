// Mails on their way: waiting, in the hands of one sender until a moment, or settled once and for all. A mail that a dead sender had
// in its hands is another's after that moment, with the same Message-ID.

import { and, eq, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import type { Language } from './contacts.ts';
import { type NOTICE_MAIL_STATES, notice, noticeMail } from './schema/notices.ts';

export type NoticeMailState = (typeof NOTICE_MAIL_STATES)[number];

export type NewNoticeMail = {
  readonly certificateId: string;
  readonly threshold: string;
  /** none for the operators' list */
  readonly contactId: string | null;
  readonly email: string;
  readonly language: Language;
  readonly messageId: string;
  /** when it was asked for, and may be sent from */
  readonly at: Date;
};

/** Writes the mails that are new: at most one for each notice and address. Answers how many. */
export async function recordNoticeMails(tx: Tx, mails: readonly NewNoticeMail[]): Promise<number> {
  if (mails.length === 0) return 0;
  const { rowCount } = await tx.execute(sql`
    insert into notice_mail (certificate_id, threshold, contact_id, email, language, message_id, next_at, created_at)
    select "certificateId", threshold, "contactId", email, language, "messageId", at, at
    from jsonb_to_recordset(${JSON.stringify(mails)}::jsonb)
      as new ("certificateId" uuid, threshold text, "contactId" uuid, email text, language text, "messageId" text,
        at timestamptz)
    on conflict (certificate_id, threshold, email) do nothing`);
  return rowCount ?? 0;
}

/** A mail in the hands of one sender. A digest has a day instead of certificate and threshold. */
export type ClaimedMail = {
  readonly id: string;
  readonly certificateId: string | null;
  readonly threshold: string | null;
  readonly digestDay: string | null;
  readonly contactId: string | null;
  readonly email: string;
  readonly language: Language;
  readonly messageId: string;
  /** this try is the first, second, … */
  readonly attempt: number;
  /** its contact is there and works, or it has none */
  readonly works: boolean;
  /** a later notice of the same certificate is there */
  readonly overtaken: boolean;
};

/**
 * Takes the mail that has waited longest into this sender's hands until `until`; undefined when none waits. Several may ask at once,
 * and no two get the same one.
 */
export async function claimMail(tx: Tx, at: Date, until: Date): Promise<ClaimedMail | undefined> {
  const { rows } = await tx.execute<ClaimedMail>(sql`
    with taken as (
      update notice_mail set state = 'sending', attempt = attempt + 1, next_at = ${until.toISOString()}::timestamptz
      where id = (
        select id from notice_mail
        where state in ('pending', 'sending') and next_at <= ${at.toISOString()}::timestamptz
        order by next_at, id limit 1 for update skip locked)
      returning *)
    select taken.id::text as id, taken.certificate_id as "certificateId", taken.threshold,
      taken.digest_day::text as "digestDay", taken.contact_id as "contactId", taken.email, taken.language,
      taken.message_id as "messageId", taken.attempt,
      taken.contact_id is null or exists (
        select from contact where contact.id = taken.contact_id and contact.email = taken.email and refused_at is null
      ) as works,
      exists (
        select from notice later join notice mine
          on mine.certificate_id = taken.certificate_id and mine.threshold = taken.threshold
        where later.certificate_id = taken.certificate_id and later.due_at > mine.due_at
      ) as overtaken
    from taken`);
  return rows[0];
}

/** Which try of which mail; whoever comes back after another has taken it over changes nothing. */
type Try = Pick<ClaimedMail, 'id' | 'attempt'>;
const isMine = ({ id, attempt }: Try) =>
  and(eq(noticeMail.id, BigInt(id)), eq(noticeMail.attempt, attempt), eq(noticeMail.state, 'sending'));

export type Outcome = {
  readonly state: Exclude<NoticeMailState, 'pending' | 'sending' | 'collected'>;
  readonly at: Date;
  /** a code, where there is more to say */
  readonly why?: string;
};

/** Settles a mail in this sender's hands; false when it is in another's. */
export async function settleMail(tx: Tx, mine: Try, { state, at, why }: Outcome): Promise<boolean> {
  const { rowCount } = await tx
    .update(noticeMail)
    .set({ state, settledAt: at, why: why ?? null })
    .where(isMine(mine));
  return rowCount === 1;
}

/** Puts a mail back that was not taken, not to be tried before `nextAt`; false when it is in another's hands. */
export async function postponeMail(
  tx: Tx,
  mine: Try,
  { nextAt, why }: { readonly nextAt: Date; readonly why: string },
): Promise<boolean> {
  const { rowCount } = await tx.update(noticeMail).set({ state: 'pending', nextAt, why }).where(isMine(mine));
  return rowCount === 1;
}

/** Whether a notice was sent, or still may be, to somebody. */
export async function isBeingTold(tx: Tx, certificateId: string, threshold: string): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from notice_mail where certificate_id = ${certificateId} and threshold = ${threshold}
      and state in ('pending', 'sending', 'sent', 'collected') limit 1`);
  return rows.length > 0;
}

export type NewDigest = {
  /** mails of an administrator since this moment are counted */
  readonly since: Date;
  readonly moreThan: number;
  readonly at: Date;
  /** when the digest is sent, and the day of that moment */
  readonly nextAt: Date;
  readonly day: string;
  /** Message-ID before and after the id of the contact */
  readonly messageId: readonly [before: string, after: string];
};

/**
 * Of every administrator among these contacts who has more mails than the policy allows since a moment, takes the waiting ones
 * together: one digest each, which is made if it is not there yet. What would join a digest that is being sent already stays a mail of
 * its own. Answers how many mails were taken together.
 */
export async function collectDigests(tx: Tx, contactIds: readonly string[], digest: NewDigest): Promise<number> {
  const { since, moreThan, at, nextAt, day, messageId } = digest;
  const { rowCount } = await tx.execute(sql`
    with many as (
      select contact.id, contact.email, contact.language from contact
      where contact.owner_kind = 'administrator'
        and contact.id in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(contactIds)}::jsonb))
        and (select count(*) from notice_mail mail
             where mail.contact_id = contact.id and mail.certificate_id is not null
               and mail.created_at >= ${since.toISOString()}::timestamptz) > ${moreThan}
    ), digest as (
      insert into notice_mail (digest_day, contact_id, email, language, message_id, next_at, created_at)
      select distinct on (email) ${day}::date, id, email, language, ${messageId[0]}::text || id || ${messageId[1]}::text,
        ${nextAt.toISOString()}::timestamptz, ${at.toISOString()}::timestamptz
      from many order by email, id
      on conflict (email, digest_day) where certificate_id is null
        do update set next_at = excluded.next_at where notice_mail.state = 'pending'
      returning email)
    update notice_mail mail
    set state = 'collected', digest_day = ${day}::date, settled_at = ${at.toISOString()}::timestamptz
    from digest join many on many.email = digest.email
    where mail.contact_id = many.id and mail.state = 'pending' and mail.certificate_id is not null`);
  return rowCount ?? 0;
}

export type Told = { readonly certificateId: string; readonly threshold: string };

/** What a digest says: the notices that were taken together for this address and day. */
export async function listCollected(tx: Tx, email: string, digestDay: string): Promise<Told[]> {
  const { rows } = await tx.execute<Told>(sql`
    select certificate_id as "certificateId", threshold from notice_mail
    where email = ${email} and digest_day = ${digestDay}::date and certificate_id is not null and state = 'collected'
    order by certificate_id, threshold`);
  return rows;
}

export type SentMail = {
  readonly id: string;
  readonly contactId: string | null;
  readonly email: string;
  readonly told: readonly Told[];
};

/** The mails with this id that were sent or have come back, and what each of them told: how a delivery report is matched. */
export async function findByMessageId(tx: Tx, messageId: string): Promise<SentMail[]> {
  const { rows } = await tx.execute<SentMail>(sql`
    select mail.id::text as id, mail.contact_id as "contactId", mail.email, (
      select coalesce(
        json_agg(json_build_object('certificateId', one.certificate_id, 'threshold', one.threshold)
          order by one.certificate_id, one.threshold), '[]')
      from notice_mail one
      where one.id = mail.id and mail.certificate_id is not null
        or mail.certificate_id is null and one.certificate_id is not null and one.email = mail.email
          and one.digest_day = mail.digest_day
    ) as told
    from notice_mail mail
    where mail.message_id = ${messageId} and mail.state in ('sent', 'refused') order by mail.id limit 50`);
  return rows;
}

/** A mail that was sent came back: from 'sent' to 'refused'; false when it was settled otherwise. */
export async function recordBounce(tx: Tx, id: string, why: string): Promise<boolean> {
  const { rowCount } = await tx
    .update(noticeMail)
    .set({ state: 'refused', why })
    .where(and(eq(noticeMail.id, BigInt(id)), eq(noticeMail.state, 'sent')));
  return rowCount === 1;
}

/** How many mails wait or are being sent, and since when the one that has been due longest. */
export async function noticeBacklog(tx: Tx): Promise<{ readonly mails: number; readonly oldest: Date | null }> {
  const { rows } = await tx.execute<{ mails: number; oldest: string | null }>(
    sql`select count(*)::int as mails, min(created_at) as oldest from notice_mail where state in ('pending', 'sending')`,
  );
  const [row] = rows;
  return { mails: row?.mails ?? 0, oldest: row?.oldest ? new Date(row.oldest) : null };
}

/** A notice that a certificate has had, and one of the mails that told it; several rows where there were several. */
export type ToldNotice = {
  readonly threshold: string;
  readonly recordedAt: Date;
  /** none where nobody was written to */
  readonly email: string | null;
  readonly state: NoticeMailState | null;
  readonly settledAt: Date | null;
  readonly why: string | null;
};

/** What a certificate's people were told, the first notice first; a digest is its notices. */
export async function listToldNotices(tx: Tx, certificateId: string): Promise<ToldNotice[]> {
  const { threshold, email, state, settledAt, why, id } = noticeMail;
  return await tx
    .select({ threshold: notice.threshold, recordedAt: notice.createdAt, email, state, settledAt, why })
    .from(notice)
    .leftJoin(noticeMail, and(eq(noticeMail.certificateId, notice.certificateId), eq(threshold, notice.threshold)))
    .where(eq(notice.certificateId, certificateId))
    .orderBy(notice.dueAt, id);
}
