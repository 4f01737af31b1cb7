// Consents to be found by a mailbox. Personal data: never in a log line or an error, and in an audit row in its erasable content alone.

import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import { Refusal } from '../src/errors.ts';
import type { Tx } from './connect.ts';
import { type Present, present } from './rows.ts';
import { mailboxConsent } from './schema/consents.ts';

export type NewConsent = {
  readonly id: string;
  /** as `foldMailbox` leaves it */
  readonly mailbox: string;
  readonly givenAt: Date;
  readonly givenBy: string;
  /** where it can be read; a reference without a name */
  readonly evidence: string;
};

/** `withdrawnAt` and `withdrawnBy` together: it is over. */
export type MailboxConsent = Present<typeof mailboxConsent.$inferSelect>;

/** Of each of some mailboxes that anybody ever consented to: whether a consent is in force. */
export type ConsentStates = ReadonlyMap<string, boolean>;

const LOCK = 7_274_231n;

/**
 * Until the end of the transaction no consent changes while somebody fills the store, and nobody fills it while one changes: so a
 * certificate is either there for the change, or comes after it. `fill` holds up no other `fill`.
 */
export async function holdConsents(tx: Tx, by: 'change' | 'fill'): Promise<void> {
  const take = by === 'change' ? sql`pg_advisory_xact_lock` : sql`pg_advisory_xact_lock_shared`;
  await tx.execute(sql`select ${take}(${LOCK}::bigint)`);
}

/** Writes a consent. Refusal('already_exists') when one for this mailbox is in force. */
export async function recordConsent(tx: Tx, consent: NewConsent): Promise<void> {
  const { rowCount } = await tx
    .insert(mailboxConsent)
    .values(consent)
    .onConflictDoNothing({ target: mailboxConsent.mailbox, where: isNull(mailboxConsent.withdrawnAt) });
  if (rowCount !== 1) throw new Refusal('already_exists', 'a consent for this mailbox is in force already');
}

/** Ends the consent that is in force; answers its id, undefined when there is none. */
export async function endConsent(
  tx: Tx,
  mailbox: string,
  { at, by }: { readonly at: Date; readonly by: string },
): Promise<string | undefined> {
  const [row] = await tx
    .update(mailboxConsent)
    // the clock of who ends it may be behind that of who recorded it
    .set({ withdrawnAt: sql`greatest(${at.toISOString()}::timestamptz, ${mailboxConsent.givenAt})`, withdrawnBy: by })
    .where(and(eq(mailboxConsent.mailbox, mailbox), isNull(mailboxConsent.withdrawnAt)))
    .returning({ id: mailboxConsent.id });
  return row?.id;
}

/** Consents by mailbox, the oldest first: of one mailbox, or those in force, or with `ended` all. */
export async function listConsents(
  tx: Tx,
  { mailbox, ended = false }: { readonly mailbox?: string | undefined; readonly ended?: boolean | undefined } = {},
): Promise<MailboxConsent[]> {
  const { mailbox: ofMailbox, id, withdrawnAt } = mailboxConsent;
  const rows = await tx
    .select()
    .from(mailboxConsent)
    .where(and(mailbox === undefined ? undefined : eq(ofMailbox, mailbox), ended ? undefined : isNull(withdrawnAt)))
    .orderBy(ofMailbox, id);
  return rows.map(present);
}

/** How many consents are in force for mailboxes that differ from this one in upper and lower case alone. */
export async function countInOtherCase(tx: Tx, mailbox: string): Promise<number> {
  const { rows } = await tx.execute<{ consents: number }>(sql`
    select count(*)::int as consents from mailbox_consent
    where withdrawn_at is null and lower(mailbox) = lower(${mailbox}) and mailbox <> ${mailbox}`);
  return rows[0]?.consents ?? 0;
}

/** Mailboxes for which a consent is in force, in their order, from behind `after` on. */
export async function consentedMailboxes(
  tx: Tx,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const { mailbox, withdrawnAt } = mailboxConsent;
  const rows = await tx
    .select({ mailbox })
    .from(mailboxConsent)
    .where(and(isNull(withdrawnAt), gt(mailbox, after)))
    .orderBy(mailbox)
    .limit(limit);
  return rows.map((row) => row.mailbox);
}

/** What is known of these mailboxes. */
export async function consentsOf(tx: Tx, mailboxes: readonly string[]): Promise<ConsentStates> {
  if (mailboxes.length === 0) return new Map();
  const { rows } = await tx.execute<{ mailbox: string; given: boolean }>(sql`
    select mailbox, bool_or(withdrawn_at is null) as given from mailbox_consent
    where mailbox = any (array(select jsonb_array_elements_text(${JSON.stringify([...new Set(mailboxes)])}::jsonb)))
    group by mailbox`);
  return new Map(rows.map(({ mailbox, given }) => [mailbox, given]));
}
