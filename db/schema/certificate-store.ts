// What anyone may look certificates up by. Derived from issued certificates by the worker, row by row, and filled again from nothing
// if it is emptied; whether a row is shown is asked of the policies and of the certificate's own row, each time.

import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { boolean, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { certificate } from './certificates.ts';
import { bytea, byteLength, bytewiseText, instant, rule, textLength } from './columns.ts';

/** The certificate holds no mailbox, or a consent is in force for each that it holds; what its profile lets be shown is not asked. */
export const hasNoUnconsentedMailbox = (t: {
  readonly mailConsented: SQLWrapper;
  readonly mailboxes: SQLWrapper;
}): SQL => sql`(${t.mailConsented} or cardinality(${t.mailboxes}) = 0)`;

/** One row for each certificate that was ordered, and is neither revoked nor expired. */
export const certificateStore = pgTable(
  'certificate_store',
  {
    certificateId: uuid('certificate_id')
      .primaryKey()
      .references(() => certificate.id),
    issuer: text('issuer').notNull(),
    profile: text('profile').notNull(),
    notAfter: instant('not_after').notNull(),
    /** Struct_IdNat that stands in the subject */
    structure: text('structure'),
    /** the name to search by, folded: of a person as `surname given name`, else the CN; empty for a CN that is a mailbox */
    soughtName: bytewiseText('sought_name').notNull(),
    certificateKey: bytea('certificate_key').notNull(),
    subjectKey: bytea('subject_key').notNull(),
    issuerAndSerialKey: bytea('issuer_and_serial_key').notNull(),
    keyIdentifierKey: bytea('key_identifier_key').notNull(),
    commonName: text('common_name'),
    hosts: text('hosts').array().notNull(),
    mailboxes: text('mailboxes').array().notNull(),
    /** whether a consent is in force for each of these mailboxes; false where there is none */
    mailConsented: boolean('mail_consented').notNull().default(false),
  },
  (t) => [
    // those that partial indexes leave out are found by a hash alone
    index('certificate_store_certificate').on(t.certificateKey),
    index('certificate_store_subject').on(t.subjectKey, t.certificateId),
    index('certificate_store_issuer_and_serial').on(t.issuerAndSerialKey),
    index('certificate_store_key_identifier').on(t.keyIdentifierKey, t.certificateId),
    // a profile has one issuer, so this serves searches by issuer as well
    index('certificate_store_profile').on(t.profile, t.certificateId).where(hasNoUnconsentedMailbox(t)),
    index('certificate_store_common_name').on(t.commonName, t.certificateId).where(sql`${t.commonName} is not null`),
    // pages of the directory follow these
    index('certificate_store_name').on(t.soughtName, t.certificateId).where(hasNoUnconsentedMailbox(t)),
    index('certificate_store_structure')
      .on(t.structure, t.soughtName, t.certificateId)
      .where(hasNoUnconsentedMailbox(t)),
    index('certificate_store_hosts').using('gin', t.hosts),
    // of all, so that a consent finds what it is about; built once the migrations are applied (db/late-indexes.ts)
    index('certificate_store_any_mailbox').using('gin', t.mailboxes),
    index('certificate_store_expiry').on(t.notAfter),
    textLength('certificate_store_struct_id_nat', t.structure, 64),
    rule('certificate_store_sought_name', sql`char_length(${t.soughtName}) <= 160`),
    textLength('certificate_store_common_name_length', t.commonName, 128),
    ...(['certificateKey', 'subjectKey', 'issuerAndSerialKey', 'keyIdentifierKey'] as const).map((key) =>
      byteLength(`certificate_store_${t[key].name}`, t[key], 20),
    ),
    rule('certificate_store_names', sql`cardinality(${t.hosts}) <= 1000 and cardinality(${t.mailboxes}) <= 1000`),
  ],
);
