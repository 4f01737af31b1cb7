// The hierarchy the database was created for, and the certificates of its CAs.

import { eq } from 'drizzle-orm';
import { Refusal } from '../src/errors.ts';
import type { Tx } from './connect.ts';
import { certificationAuthority, hierarchy } from './schema/authorities.ts';

export type HierarchyRecord = {
  readonly name: string;
  readonly urls: Readonly<Record<string, string>>;
  /** SHA-256 of the hierarchy's file, lower-case hex */
  readonly digest: string;
};

export type AuthorityRecord = {
  /** CA id, as in policies/hierarchy */
  readonly id: string;
  readonly kind: 'root' | 'intermediate';
  /** CA id of the issuer; a root's own */
  readonly issuer: string;
  readonly certificate: Uint8Array;
  /** DER of the subject Name */
  readonly subject: Uint8Array;
  /** SKI and CKA_ID, 20 bytes */
  readonly keyId: Uint8Array;
  /** `keyDigest` of the public key */
  readonly keyDigest: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

/** Writes what the database is for, once. Refusal('already_exists') when it is written already. */
export async function recordHierarchy(tx: Tx, record: HierarchyRecord): Promise<void> {
  const { rowCount } = await tx.insert(hierarchy).values(record).onConflictDoNothing();
  if (rowCount !== 1) throw new Refusal('already_exists', 'the database already belongs to a hierarchy');
}

/** What the database is for; undefined before the hierarchy is created. */
export async function findHierarchy(tx: Tx): Promise<HierarchyRecord | undefined> {
  const { name, urls, digest } = hierarchy;
  const [row] = await tx.select({ name, urls, digest }).from(hierarchy);
  return row;
}

/** Writes a CA. Refusal('already_exists') when its id or its key is known already. */
export async function recordAuthority(tx: Tx, record: AuthorityRecord): Promise<void> {
  const { rowCount } = await tx.insert(certificationAuthority).values(record).onConflictDoNothing();
  if (rowCount !== 1) throw new Refusal('already_exists', `${record.id} or its key exists already`);
}

/** Every CA, by id. */
export async function listAuthorities(tx: Tx): Promise<AuthorityRecord[]> {
  return await tx.select(authorityColumns).from(certificationAuthority).orderBy(certificationAuthority.id);
}

/** One CA by its id. */
export async function findAuthority(tx: Tx, id: string): Promise<AuthorityRecord | undefined> {
  const [row] = await tx.select(authorityColumns).from(certificationAuthority).where(eq(certificationAuthority.id, id));
  return row;
}

/** Whether a key, by its `keyDigest`, is that of a CA. */
export async function isAuthorityKey(tx: Tx, keyDigest: Uint8Array): Promise<boolean> {
  const rows = await tx
    .select({ id: certificationAuthority.id })
    .from(certificationAuthority)
    .where(eq(certificationAuthority.keyDigest, keyDigest));
  return rows.length > 0;
}

const authorityColumns = {
  id: certificationAuthority.id,
  kind: certificationAuthority.kind,
  issuer: certificationAuthority.issuer,
  certificate: certificationAuthority.certificate,
  subject: certificationAuthority.subject,
  keyId: certificationAuthority.keyId,
  keyDigest: certificationAuthority.keyDigest,
  notBefore: certificationAuthority.notBefore,
  notAfter: certificationAuthority.notAfter,
};
