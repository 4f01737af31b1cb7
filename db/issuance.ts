// What every issuance writes, each of its two records in one statement with its audit row: a statement costs more in the driver and in
// PostgreSQL than what it writes, so what can be asked at once is. Either everything in a statement happens or nothing does.

import { type SQL, sql } from 'drizzle-orm';
import { getTableConfig, type PgColumn } from 'drizzle-orm/pg-core';
import { type AuditEntry, auditValues } from './audit.ts';
import { type CertificateIntent, INTENT_COLUMNS, intentValues, keyReused } from './certificates.ts';
import type { Tx } from './connect.ts';
import { auditEvent } from './schema/audit.ts';
import { blockedKey, certificate } from './schema/certificates.ts';
import { statusFeed } from './schema/revocations.ts';
import { rawStatement } from './session.ts';

/**
 * Writes a row in state 'signing' for a key that no row has and that is not blocked, with its audit row, and answers when; undefined,
 * and nothing is written, for any other key, about which there is more to ask. Refusal('key_reused') when another row took the key
 * at the same moment.
 */
export async function recordIntentOfNewKey(
  tx: Tx,
  intent: CertificateIntent,
  audit: AuditEntry,
): Promise<Date | undefined> {
  try {
    const { rows } = await insertNewIntent(tx, { ...intentValues(intent), ...auditValues(audit) });
    return rows[0] && new Date(rows[0].createdAt);
  } catch (error) {
    throw keyReused(error);
  }
}

/**
 * From 'signing' to 'issued', with the feed row that tells every copy and the audit row; false, and nothing is written, when the row is
 * settled already.
 */
export async function recordIssued(
  tx: Tx,
  { id, der }: { readonly id: string; readonly der: Uint8Array },
  audit: AuditEntry,
): Promise<boolean> {
  const { rowCount } = await setIssued(tx, { id, der, ...auditValues(audit) });
  return rowCount === 1;
}

/** Prefixed, because an audit row and a certificate both have an actor. */
const AUDIT = {
  auditAt: auditEvent.at,
  auditKind: auditEvent.kind,
  auditActor: auditEvent.actor,
  auditSubjectId: auditEvent.subjectId,
  auditContent: auditEvent.content,
  auditSalt: auditEvent.salt,
  auditDigest: auditEvent.digest,
};

const list = (parts: readonly SQL[]): SQL => sql.join([...parts], sql`, `);
const namesOf = (columns: Readonly<Record<string, PgColumn>>): SQL =>
  list(Object.values(columns).map(({ name }) => sql`${sql.identifier(name)}`));
const cast = (name: string, column: PgColumn): SQL =>
  sql`${sql.param(sql.placeholder(name), column)}::${sql.raw(column.getSQLType())}`;
const valuesOf = (columns: Readonly<Record<string, PgColumn>>): SQL =>
  list(Object.entries(columns).map(([name, column]) => cast(name, column)));
const tableOf = (table: Parameters<typeof getTableConfig>[0]): SQL =>
  sql`${sql.identifier(getTableConfig(table).name)}`;

const insertNewIntent = rawStatement<{ createdAt: string }>(
  'issuance_intent',
  sql`
  with intent as (
    insert into ${tableOf(certificate)} (state, ${namesOf(INTENT_COLUMNS)}) select 'signing', ${valuesOf(INTENT_COLUMNS)}
    where not exists (select from ${tableOf(blockedKey)} where key_digest = ${cast('keyDigest', blockedKey.keyDigest)})
      and not exists (select from ${tableOf(certificate)} where key_digest = ${cast('keyDigest', certificate.keyDigest)})
    returning created_at
  )
  insert into ${tableOf(auditEvent)} (${namesOf(AUDIT)}) select ${valuesOf(AUDIT)} from intent
  returning (select created_at from intent) as "createdAt"`,
);

const setIssued = rawStatement(
  'issuance_result',
  sql`
  with issued as (
    update ${tableOf(certificate)}
    set state = 'issued', der = ${cast('der', certificate.der)}, settled_at = clock_timestamp()
    where id = ${cast('id', certificate.id)} and state = 'signing'
    returning issuer, serial
  ), told as (
    insert into ${tableOf(statusFeed)} (issuer, serial) select issuer, serial from issued
  )
  insert into ${tableOf(auditEvent)} (${namesOf(AUDIT)}) select ${valuesOf(AUDIT)} from issued`,
);
