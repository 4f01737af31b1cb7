// Delegated OCSP responders: which key and certificate answer for which issuer, and when.

import { and, desc, eq, gt, isNull, lte } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { certificate } from './schema/certificates.ts';
import { ocspResponder, revocation } from './schema/revocations.ts';

export type NewResponder = {
  /** CKA_ID in the OCSP token, 20 bytes */
  readonly keyId: Uint8Array;
  /** CA id for which it answers */
  readonly issuer: string;
  readonly certificateId: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

export type Responder = NewResponder & {
  /** its certificate */
  readonly der: Uint8Array;
};

/** Writes a responder whose certificate is issued. */
export async function recordResponder(tx: Tx, responder: NewResponder): Promise<void> {
  await tx.insert(ocspResponder).values(responder);
}

/** Responders of every issuer that are valid at `now` and not revoked, the ones that last longest first. */
export async function listAllResponders(tx: Tx, now: Date): Promise<Responder[]> {
  const rows = await tx
    .select({ ...responderColumns, der: certificate.der })
    .from(ocspResponder)
    .innerJoin(certificate, eq(certificate.id, ocspResponder.certificateId))
    .leftJoin(revocation, eq(revocation.certificateId, ocspResponder.certificateId))
    .where(
      and(
        lte(ocspResponder.notBefore, now),
        gt(ocspResponder.notAfter, now),
        eq(certificate.state, 'issued'),
        isNull(revocation.certificateId),
      ),
    )
    .orderBy(desc(ocspResponder.notAfter));
  return rows.flatMap(({ der, ...responder }) => (der ? [{ ...responder, der }] : []));
}

/** The keys of all responders that are known, ended ones included. */
export async function listResponderKeys(tx: Tx): Promise<Uint8Array[]> {
  const rows = await tx.select({ keyId: ocspResponder.keyId }).from(ocspResponder);
  return rows.map(({ keyId }) => keyId);
}

/** Responders whose validity has ended at `now`, whose keys can be destroyed. */
export async function expiredResponders(tx: Tx, now: Date): Promise<NewResponder[]> {
  return await tx.select(responderColumns).from(ocspResponder).where(lte(ocspResponder.notAfter, now));
}

/** Forgets a responder after its key is destroyed; false when it is unknown. Its certificate stays. */
export async function removeResponder(tx: Tx, keyId: Uint8Array): Promise<boolean> {
  const { rowCount } = await tx.delete(ocspResponder).where(eq(ocspResponder.keyId, keyId));
  return rowCount === 1;
}

const responderColumns = {
  keyId: ocspResponder.keyId,
  issuer: ocspResponder.issuer,
  certificateId: ocspResponder.certificateId,
  notBefore: ocspResponder.notBefore,
  notAfter: ocspResponder.notAfter,
};
