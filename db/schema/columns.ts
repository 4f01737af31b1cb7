// Column types that drizzle does not bring, and the shapes of CHECK constraints that several tables share.

import { type SQL, sql } from 'drizzle-orm';
import { type AnyPgColumn, bigint, boolean, check, customType, timestamp } from 'drizzle-orm/pg-core';

/** Bytes; read as a view on what the driver returned, never copied. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: (value) => new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
});

/** The 64-bit transaction id that never wraps (PostgreSQL §F.1 pg_current_xact_id). */
export const xid8 = customType<{ data: bigint; driverData: string }>({
  dataType: () => 'xid8',
  fromDriver: (value) => BigInt(value),
  toDriver: (value) => value.toString(),
});

/** A point in time with its zone. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** When the row was written, by the database's clock. */
export const createdAt = () => instant('created_at').notNull().defaultNow();

/** Text that sorts by its bytes, whatever the database's language: for searches by how it begins. */
export const bytewiseText = customType<{ data: string; driverData: string }>({ dataType: () => 'text collate "C"' });

/** The transaction that wrote the row, given by the database. */
export const writtenBy = () => xid8('xid').notNull().default(sql`pg_current_xact_id()`);

/** A 64-bit count; a JavaScript bigint. */
export const int8 = (name: string) => bigint(name, { mode: 'bigint' });

/** Primary key of a table that has exactly one row. */
export const oneRow = () => boolean('one_row').primaryKey().default(true);

/** CHECK that a column holds one of the given words. */
export function oneOf(name: string, column: AnyPgColumn, words: readonly string[]) {
  return check(name, sql`${column} in (${sql.raw(words.map((word) => `'${word}'`).join(', '))})`);
}

/** CHECK that a text has between one and `max` characters. */
export function textLength(name: string, column: AnyPgColumn, max: number) {
  return check(name, sql`char_length(${column}) between 1 and ${sql.raw(String(max))}`);
}

/** CHECK that a bytea has exactly `size` bytes, or between `size` and `max`. */
export function byteLength(name: string, column: AnyPgColumn, size: number, max = size) {
  const length = sql`octet_length(${column})`;
  return size === max
    ? check(name, sql`${length} = ${sql.raw(String(size))}`)
    : check(name, sql`${length} between ${sql.raw(String(size))} and ${sql.raw(String(max))}`);
}

/** CHECK of a mailbox: RFC 5321 §4.5.3.1.3 Path, 256 octets with the angle brackets. No space and no control character, so no second header. */
export function mailboxForm(name: string, column: AnyPgColumn) {
  return check(name, sql`char_length(${column}) between 3 and 254 and ${column} ~ '^[!-~]+@[!-~]+$'`);
}

/** CHECK that a text is a lower-case hexadecimal SHA-256. */
export function hexDigest(name: string, column: AnyPgColumn) {
  return check(name, sql`${column} ~ '^[0-9a-f]{64}$'`);
}

/** CHECK that a validity ends after it begins. */
export function endsAfter(name: string, end: AnyPgColumn, begin: AnyPgColumn) {
  return check(name, sql`${end} > ${begin}`);
}

/** CHECK of any other rule. */
export function rule(name: string, condition: SQL) {
  return check(name, condition);
}
