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
