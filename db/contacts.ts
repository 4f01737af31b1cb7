// Contacts: the addresses at which a structure, a holder or an administrator is warned of an end. Personal data: never in a log line,
// an error or an audit row, which name a contact by id.

import { and, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import { Refusal } from '../src/errors.ts';
import type { Tx } from './connect.ts';
import { type Present, present } from './rows.ts';
import { type CONTACT_LANGUAGES, type CONTACT_OWNERS, type CONTACT_ROLES, contact } from './schema/notices.ts';

export type ContactOwner = (typeof CONTACT_OWNERS)[number];
export type ContactRole = (typeof CONTACT_ROLES)[number];
export type Language = (typeof CONTACT_LANGUAGES)[number];

export type NewContact = {
  readonly id: string;
  readonly ownerKind: ContactOwner;
  /** structIdNat, idNat, or the row id of an administrator */
  readonly ownerKey: string;
  readonly role: ContactRole;
  /** one mailbox, as `checkMailbox` accepts it */
  readonly email: string;
  readonly language: Language;
};

/** `refusedAt` and `refusedWhy` together: nothing is sent there until somebody reinstates it. */
export type Contact = Present<typeof contact.$inferSelect>;

/** Writes a contact. Refusal('already_exists') when its owner has this address in this role. */
export async function recordContact(tx: Tx, record: NewContact): Promise<void> {
  const { rowCount } = await tx
    .insert(contact)
    .values(record)
    .onConflictDoNothing({ target: [contact.ownerKind, contact.ownerKey, contact.role, contact.email] });
  if (rowCount !== 1) throw new Refusal('already_exists', 'this contact exists already');
}

/** One contact by its id. */
export async function findContact(tx: Tx, id: string): Promise<Contact | undefined> {
  const [row] = await tx.select().from(contact).where(eq(contact.id, id));
  return row && present(row);
}

export type ContactFilter = {
  readonly ownerKind?: ContactOwner | undefined;
  readonly ownerKey?: string | undefined;
  /** those alone that were refused, or those that work */
  readonly refused?: boolean | undefined;
};

/** Contacts by owner, the oldest first. */
export async function listContacts(tx: Tx, { ownerKind, ownerKey, refused }: ContactFilter = {}): Promise<Contact[]> {
  const wanted: (SQL | undefined)[] = [
    ownerKind && eq(contact.ownerKind, ownerKind),
    ownerKey === undefined ? undefined : eq(contact.ownerKey, ownerKey),
    refused === undefined ? undefined : refused ? isNotNull(contact.refusedAt) : isNull(contact.refusedAt),
  ];
  const rows = await tx
    .select()
    .from(contact)
    .where(and(...wanted))
    .orderBy(contact.ownerKind, contact.ownerKey, contact.id);
  return rows.map(present);
}

export type Owner = { readonly ownerKind: ContactOwner; readonly ownerKey: string };

/** The contacts that work of all these owners, the oldest first; not to be called with more owners than a page has. */
export async function listWorkingContacts(tx: Tx, owners: readonly Owner[]): Promise<Contact[]> {
  if (owners.length === 0) return [];
  const rows = await tx
    .select()
    .from(contact)
    .where(and(isNull(contact.refusedAt), isOneOf(owners)))
    .orderBy(contact.id);
  return rows.map(present);
}

/** One parameter however many owners, each of whom is looked up in the index of contact_once. */
const isOneOf = (owners: readonly Owner[]): SQL => sql`(${contact.ownerKind}, ${contact.ownerKey}) in (
  select "ownerKind", "ownerKey" from jsonb_to_recordset(${JSON.stringify(owners)}::jsonb)
    as wanted ("ownerKind" text, "ownerKey" text))`;

/** Forgets a contact; false when it is gone already. What was sent to it stays recorded. */
export async function removeContact(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.delete(contact).where(eq(contact.id, id));
  return rowCount === 1;
}

/** Marks every contact with this address as refused; `why` is a code: `smtp_550`, `dsn_5.1.1`. Answers how many worked until now. */
export async function refuseAddress(
  tx: Tx,
  email: string,
  { at, why }: { readonly at: Date; readonly why: string },
): Promise<number> {
  const { rowCount } = await tx
    .update(contact)
    .set({ refusedAt: at, refusedWhy: why })
    .where(and(eq(contact.email, email), isNull(contact.refusedAt)));
  return rowCount ?? 0;
}

/** A contact whose address works again; false when it is unknown or was not refused. */
export async function reinstateContact(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx
    .update(contact)
    .set({ refusedAt: null, refusedWhy: null })
    .where(and(eq(contact.id, id), isNotNull(contact.refusedAt)));
  return rowCount === 1;
}
