// Tables of what the LDAP directory was told: how far, what it could not take, and which list of each authority it has.

import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { certificationAuthority } from './authorities.ts';
import { certificate } from './certificates.ts';
import { instant, int8, oneRow, rule, textLength, writtenBy, xid8 } from './columns.ts';

/** How far the directory has followed: the feed of issuances and revocations, and the ends of certificates. */
export const directoryProgress = pgTable(
  'directory_progress',
  {
    oneRow: oneRow(),
    xid: xid8('xid').notNull(),
    position: int8('position').notNull(),
    endedUntil: instant('ended_until').notNull(),
    /** when the directory last had everything but what is pending */
    completeAt: instant('complete_at'),
    /**
     * of the certificates in the store, those up to this one were asked for a look, for the directory may have shown their mailboxes
     * before anybody could consent; empty once all were
     */
    looksAfter: uuid('looks_after').default('00000000-0000-0000-0000-000000000000'),
  },
  (t) => [
    rule('directory_progress_one_row', sql`${t.oneRow}`),
    rule('directory_progress_position', sql`${t.position} >= 0`),
  ],
);

/** Entries that the directory refused, each with its own pace; all others go on. */
export const directoryPending = pgTable(
  'directory_pending',
  {
    entry: text('entry').primaryKey(),
    attempts: integer('attempts').notNull(),
    reason: text('reason').notNull(),
    since: instant('since').notNull(),
    nextTry: instant('next_try').notNull(),
  },
  (t) => [
    index('directory_pending_by_turn').on(t.nextTry),
    textLength('directory_pending_entry', t.entry, 1024),
    rule('directory_pending_attempts', sql`${t.attempts} >= 1`),
    textLength('directory_pending_reason', t.reason, 64),
  ],
);

/** Certificates whose entries want another look though the feed says nothing new of them: somebody gave or withdrew a consent. */
export const directoryLook = pgTable('directory_look', {
  certificateId: uuid('certificate_id')
    .primaryKey()
    .references(() => certificate.id),
  /** tells one wish from a later one */
  xid: writtenBy(),
});

/** The number of the list that stands in the directory, for each authority that has an entry. */
export const directoryList = pgTable(
  'directory_list',
  {
    authority: text('authority')
      .primaryKey()
      .references(() => certificationAuthority.id),
    /** 0: the entry has no list yet */
    number: int8('number').notNull(),
    writtenAt: instant('written_at').notNull(),
  },
  (t) => [rule('directory_list_number', sql`${t.number} >= 0`)],
);
