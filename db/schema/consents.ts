// The table of consents to be found by a mailbox: who told us of each, when, and when it was withdrawn.

import { sql } from 'drizzle-orm';
import { index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant, mailboxForm, rule, textLength } from './columns.ts';

/** One row for each time that a consent was given; given again after it was withdrawn, it is another row. */
export const mailboxConsent = pgTable(
  'mailbox_consent',
  {
    id: uuid('id').primaryKey(),
    mailbox: text('mailbox').notNull(),
    givenAt: instant('given_at').notNull(),
    givenBy: text('given_by').notNull(),
    /** where the consent can be read: a reference, never a name */
    evidence: text('evidence').notNull(),
    withdrawnAt: instant('withdrawn_at'),
    withdrawnBy: text('withdrawn_by'),
  },
  (t) => [
    uniqueIndex('mailbox_consent_in_force').on(t.mailbox).where(sql`${t.withdrawnAt} is null`),
    index('mailbox_consent_by_mailbox').on(t.mailbox, t.id),
    mailboxForm('mailbox_consent_mailbox', t.mailbox),
    textLength('mailbox_consent_given_by', t.givenBy, 256),
    rule(
      'mailbox_consent_evidence',
      sql`char_length(${t.evidence}) between 1 and 120 and ${t.evidence} !~ '[@[:cntrl:]]'`,
    ),
    rule('mailbox_consent_withdrawn', sql`(${t.withdrawnAt} is null) = (${t.withdrawnBy} is null)`),
    rule('mailbox_consent_order', sql`${t.withdrawnAt} >= ${t.givenAt}`),
    textLength('mailbox_consent_withdrawn_by', t.withdrawnBy, 256),
  ],
);
