// Structures: the legal persons for which certificates are ordered, known by their national identifier.

import { eq, sql } from 'drizzle-orm';
import { Refusal } from '../src/errors.ts';
import type { Tx } from './connect.ts';
import { structure } from './schema/authorities.ts';
import { statement } from './session.ts';

export type Structure = {
  readonly id: string;
  /** prefix and identifier, as in the certificate's OU */
  readonly structIdNat: string;
  readonly name: string;
  /** code of table G09: `75`; the certificate has its label */
  readonly department: string;
};

/** Writes a structure. Refusal('already_exists') when its national identifier is known already. */
export async function recordStructure(tx: Tx, record: Structure): Promise<void> {
  const { rowCount } = await tx.insert(structure).values(record).onConflictDoNothing({ target: structure.structIdNat });
  if (rowCount !== 1) throw new Refusal('already_exists', `structure ${record.structIdNat} exists already`);
}

/** One structure by its national identifier. */
export async function findStructure(tx: Tx, structIdNat: string): Promise<Structure | undefined> {
  const [row] = await byStructIdNat(tx, { structIdNat });
  return row;
}

/** Every structure, by national identifier. */
export async function listStructures(tx: Tx): Promise<Structure[]> {
  return await tx.select(structureColumns).from(structure).orderBy(structure.structIdNat);
}

export type CertificateCounts = {
  readonly valid: number;
  readonly revoked: number;
  readonly expired: number;
  /** without outcome yet, or failed */
  readonly notIssued: number;
};

/** How many certificates were made for a structure, by what they are at `now`; a revoked one counts as that even when it has expired. */
export async function countCertificatesOf(tx: Tx, structIdNat: string, now: Date): Promise<CertificateCounts> {
  const { rows } = await tx.execute<CertificateCounts>(sql`
    select
      count(*) filter (where state = 'issued' and reason is null and certificate.not_after >= ${now})::int as valid,
      count(*) filter (where state = 'issued' and reason is not null)::int as revoked,
      count(*) filter (where state = 'issued' and reason is null and certificate.not_after < ${now})::int as expired,
      count(*) filter (where state <> 'issued')::int as "notIssued"
    from certificate left join revocation on revocation.certificate_id = certificate.id
    where certificate.structure = ${structIdNat}`);
  return rows[0] ?? { valid: 0, revoked: 0, expired: 0, notIssued: 0 };
}

const structureColumns = {
  id: structure.id,
  structIdNat: structure.structIdNat,
  name: structure.name,
  department: structure.department,
};

const byStructIdNat = statement('structure_by_struct_id_nat', (tx) =>
  tx
    .select(structureColumns)
    .from(structure)
    .where(eq(structure.structIdNat, sql.placeholder('structIdNat'))),
);
