// Who stands behind a card, in one question, because it is asked with every request: the card's own row, its revocation, that of the
// authority above it, and the administrator whose login it is.

import { and, eq, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Tx } from './connect.ts';
import { present } from './rows.ts';
import { administrator, administratorStructure, structure } from './schema/authorities.ts';
import { certificate } from './schema/certificates.ts';
import { revocation } from './schema/revocations.ts';
import { statement } from './session.ts';

/** A certificate by issuer (CA id) and serial, and that of its issuer in the same way. */
export type CardPlace = {
  readonly issuer: string;
  readonly serial: Uint8Array;
  readonly issuerIssuer: string;
  readonly issuerSerial: Uint8Array;
};

export type CardLogin = {
  readonly authorityRevoked: boolean;
  readonly revoked: boolean;
  /** absent when the card was never issued */
  readonly der?: Uint8Array;
  /** id of the administrator who logs in with this card; absent when nobody does */
  readonly administrator?: string;
  /** structIdNat of each of their structures, sorted */
  readonly structures: readonly string[];
};

/** What is known of a card at this moment; undefined when its issuer never gave the serial to anything. */
export async function findLogin(tx: Tx, card: CardPlace): Promise<CardLogin | undefined> {
  const [row] = await byCard(tx, card);
  return row && present(row);
}

const byCard = statement('login_by_card', (tx) => {
  const above = alias(certificate, 'above');
  const aboveRevocation = alias(revocation, 'above_revocation');
  const authorityRevoked = tx
    .select({ found: sql`1` })
    .from(above)
    .innerJoin(aboveRevocation, eq(aboveRevocation.certificateId, above.id))
    .where(and(eq(above.issuer, sql.placeholder('issuerIssuer')), eq(above.serial, sql.placeholder('issuerSerial'))));
  const structures = tx
    .select({ structIdNat: structure.structIdNat })
    .from(administratorStructure)
    .innerJoin(structure, eq(structure.id, administratorStructure.structureId))
    .where(eq(administratorStructure.administratorId, administrator.id))
    .orderBy(structure.structIdNat);
  return tx
    .select({
      authorityRevoked: sql<boolean>`exists ${authorityRevoked}`,
      revoked: sql<boolean>`${revocation.certificateId} is not null`,
      der: certificate.der,
      administrator: administrator.id,
      structures: sql<string[]>`array ${structures}`,
    })
    .from(certificate)
    .leftJoin(revocation, eq(revocation.certificateId, certificate.id))
    .leftJoin(
      administrator,
      and(
        eq(administrator.issuingCa, certificate.issuer),
        eq(administrator.cardProfile, certificate.profile),
        eq(administrator.nationalId, certificate.holderKey),
      ),
    )
    .where(and(eq(certificate.issuer, sql.placeholder('issuer')), eq(certificate.serial, sql.placeholder('serial'))));
});
