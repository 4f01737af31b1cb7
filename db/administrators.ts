// Technical administrators and the structures for which they act. A login is issuing CA, card profile and national
// identifier together; nothing here ever compares a name.

import { and, eq, sql } from 'drizzle-orm';
import { Refusal } from '../src/errors.ts';
import type { Tx } from './connect.ts';
import { violates } from './query-error.ts';
import { administrator, administratorStructure, structure } from './schema/authorities.ts';
import { statement } from './session.ts';

export type Login = {
  /** CA id */
  readonly issuingCa: string;
  readonly cardProfile: string;
  /** idNat */
  readonly nationalId: string;
};

export type Administrator = Login & {
  readonly id: string;
  /** structIdNat of each structure, sorted */
  readonly structures: readonly string[];
};

/** Writes an administrator without structures. Refusal('already_exists') when the login is known already. */
export async function recordAdministrator(tx: Tx, record: Login & { readonly id: string }): Promise<void> {
  const { id, issuingCa, cardProfile, nationalId } = record;
  const { rowCount } = await tx
    .insert(administrator)
    .values({ id, issuingCa, cardProfile, nationalId })
    .onConflictDoNothing({ target: [administrator.issuingCa, administrator.cardProfile, administrator.nationalId] });
  if (rowCount !== 1) throw new Refusal('already_exists', 'this administrator exists already');
}

/** Lets an administrator act for a structure, both by id; false when that was so already. Refusal('holder_unknown') when either does not exist. */
export async function linkAdministrator(tx: Tx, administratorId: string, structureId: string): Promise<boolean> {
  try {
    const { rowCount } = await tx
      .insert(administratorStructure)
      .values({ administratorId, structureId })
      .onConflictDoNothing();
    return rowCount === 1;
  } catch (error) {
    const unknown = [
      'administrator_structure_administrator_id_administrator_id_fk',
      'administrator_structure_structure_id_structure_id_fk',
    ];
    if (unknown.some((constraint) => violates(error, constraint))) {
      throw new Refusal('holder_unknown', 'there is no such administrator or structure');
    }
    throw error;
  }
}

/** Ends that an administrator acts for a structure, both by id; false when that was so already. */
export async function unlinkAdministrator(tx: Tx, administratorId: string, structureId: string): Promise<boolean> {
  const { rowCount } = await tx
    .delete(administratorStructure)
    .where(
      and(
        eq(administratorStructure.administratorId, administratorId),
        eq(administratorStructure.structureId, structureId),
      ),
    );
  return rowCount === 1;
}

/** Forgets an administrator and all their structures; false when nobody has this id. What they did keeps their id. */
export async function removeAdministrator(tx: Tx, id: string): Promise<boolean> {
  // Locked first: a structure that somebody links meanwhile waits, and is then refused.
  await tx.execute(sql`select from administrator where id = ${id} for update`);
  await tx.delete(administratorStructure).where(eq(administratorStructure.administratorId, id));
  const { rowCount } = await tx.delete(administrator).where(eq(administrator.id, id));
  return rowCount === 1;
}

/** The administrator with this row id. */
export async function findAdministratorById(tx: Tx, id: string): Promise<Administrator | undefined> {
  const [row] = await administrators(tx).where(eq(administrator.id, id));
  return row;
}

/** The administrator who logs in with this card. */
export async function findAdministrator(tx: Tx, login: Login): Promise<Administrator | undefined> {
  const [row] = await byLogin(tx, login);
  return row;
}

const byLogin = statement('administrator_by_login', (tx) =>
  administrators(tx).where(
    and(
      eq(administrator.issuingCa, sql.placeholder('issuingCa')),
      eq(administrator.cardProfile, sql.placeholder('cardProfile')),
      eq(administrator.nationalId, sql.placeholder('nationalId')),
    ),
  ),
);

/** Every administrator, by national identifier. */
export async function listAdministrators(tx: Tx): Promise<Administrator[]> {
  return await administrators(tx).orderBy(administrator.nationalId, administrator.id);
}

/** The row ids of those who act for each of these structures, by structIdNat. */
export async function listActing(
  tx: Tx,
  structures: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await tx.execute<{ structIdNat: string; ids: string[] }>(sql`
    select structure.struct_id_nat as "structIdNat", array_agg(link.administrator_id order by link.administrator_id) as ids
    from structure join administrator_structure link on link.structure_id = structure.id
    where structure.struct_id_nat in (select value from jsonb_array_elements_text(${JSON.stringify(structures)}::jsonb))
    group by structure.struct_id_nat`);
  return new Map(rows.map(({ structIdNat, ids }) => [structIdNat, ids]));
}

function administrators(tx: Tx) {
  const { id, issuingCa, cardProfile, nationalId } = administrator;
  const structures = sql<string[]>`coalesce(
    array_agg(${structure.structIdNat} order by ${structure.structIdNat})
      filter (where ${structure.id} is not null), '{}')`;
  return tx
    .select({ id, issuingCa, cardProfile, nationalId, structures })
    .from(administrator)
    .leftJoin(administratorStructure, eq(administratorStructure.administratorId, administrator.id))
    .leftJoin(structure, eq(structure.id, administratorStructure.structureId))
    .groupBy(administrator.id)
    .$dynamic();
}
