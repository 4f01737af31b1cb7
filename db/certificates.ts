// Certificates from the intent to sign to the outcome. A row is written before the token is asked, and settled exactly once.

import { and, desc, eq, type Placeholder, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { Refusal } from '../src/errors.ts';
import type { JsonObject } from './canonical.ts';
import type { Tx } from './connect.ts';
import { violates } from './query-error.ts';
import type { RevocationReason } from './revocations.ts';
import { present } from './rows.ts';
import { type ACTOR_KINDS, type CERTIFICATE_STATES, certificate } from './schema/certificates.ts';
import { revocation } from './schema/revocations.ts';
import { statement } from './session.ts';

export type CertificateState = (typeof CERTIFICATE_STATES)[number];
type ActorKind = (typeof ACTOR_KINDS)[number];

/** What is about to be signed, and for whom. */
export type CertificateIntent = {
  /** UUIDv7, so that order by id is order by time */
  readonly id: string;
  /** CA id */
  readonly issuer: string;
  readonly serial: Uint8Array;
  readonly profile: string;
  /** SHA-256 of the profile's file, lower-case hex */
  readonly profileDigest: string;
  readonly tbs: Uint8Array;
  /** RFC 4514 text of the subject */
  readonly subject: string;
  readonly holder: JsonObject;
  /** structIdNat or idNat */
  readonly holderKey: string;
  /** structIdNat of the structure it belongs to; that of the holder where there is none here */
  readonly structure?: string | undefined;
  /** `keyDigest` of the public key */
  readonly keyDigest: Uint8Array;
  /** SHA-256 that is equal for two tries of one order */
  readonly orderDigest: Uint8Array;
  readonly actor: string;
  readonly actorKind: ActorKind;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

type CertificateRevocation = { readonly revokedAt: Date; readonly reason: RevocationReason };

/** A certificate without its bytes. */
export type CertificateSummary = Omit<CertificateIntent, 'tbs' | 'orderDigest'> & {
  readonly state: CertificateState;
  readonly createdAt: Date;
  readonly settledAt?: Date;
  readonly revocation?: CertificateRevocation;
};

/** `der` is there when and only when the state is 'issued'. */
export type CertificateRecord = CertificateSummary & CertificateIntent & { readonly der?: Uint8Array };

/** Who has used a key, for the caller to decide whether it may be used again. */
export type KeyUse = {
  readonly certificateId: string;
  readonly state: CertificateState;
  readonly orderDigest: Uint8Array;
  readonly actor: string;
  readonly holderKey: string;
};

/** Writes a row in state 'signing' and answers when. Refusal('key_reused') when another row that is being signed or was issued has the key. */
export async function recordIntent(tx: Tx, intent: CertificateIntent): Promise<Date> {
  try {
    const [row] = await insertIntent(tx, intentValues(intent));
    if (row === undefined) throw new TypeError('an insert without conflict clause writes its row or fails');
    return row.createdAt;
  } catch (error) {
    throw keyReused(error);
  }
}

/** The values of a new row, by the names of the placeholders of whichever statement writes it. */
export const intentValues = (intent: CertificateIntent) => ({ ...intent, structure: intent.structure ?? null });

/** The refusal that the unique index stands for, or the error as it is. */
export function keyReused(error: unknown): unknown {
  return violates(error, 'certificate_key_in_use')
    ? new Refusal('key_reused', 'this key already has a certificate')
    : error;
}

/** What an intent says, by the names of its members, which are those of the placeholders. */
export const INTENT_COLUMNS = {
  id: certificate.id,
  issuer: certificate.issuer,
  serial: certificate.serial,
  profile: certificate.profile,
  profileDigest: certificate.profileDigest,
  tbs: certificate.tbs,
  subject: certificate.subject,
  holder: certificate.holder,
  holderKey: certificate.holderKey,
  structure: certificate.structure,
  keyDigest: certificate.keyDigest,
  orderDigest: certificate.orderDigest,
  actor: certificate.actor,
  actorKind: certificate.actorKind,
  notBefore: certificate.notBefore,
  notAfter: certificate.notAfter,
} as const satisfies Readonly<Record<keyof CertificateIntent, PgColumn>>;

const placeholdersOf = <Name extends string>(columns: Readonly<Record<Name, PgColumn>>): Record<Name, Placeholder> =>
  Object.fromEntries(Object.keys(columns).map((name) => [name, sql.placeholder(name)])) as Record<Name, Placeholder>;

const insertIntent = statement('certificate_insert', (tx) =>
  tx
    .insert(certificate)
    .values({ state: 'signing', ...placeholdersOf(INTENT_COLUMNS) })
    .returning({ createdAt: certificate.createdAt }),
);

/** The holder of the newest certificate that was issued for an identifier, as its order named them. */
export async function lastHolder(tx: Tx, holderKey: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const [row] = await tx
    .select({ holder: certificate.holder })
    .from(certificate)
    .where(and(eq(certificate.holderKey, holderKey), eq(certificate.state, 'issued')))
    .orderBy(desc(certificate.id))
    .limit(1);
  return row === undefined ? undefined : Object.fromEntries(Object.entries(row.holder));
}

/** From 'signing' to 'unsigned', when the token certainly was not asked; false when the row is settled already. */
export async function recordUnsigned(tx: Tx, id: string): Promise<boolean> {
  return await settle(tx, id, { state: 'unsigned', settledAt: sql`clock_timestamp()` });
}

/**
 * From 'signing' to 'burnt', when a signature may exist; false when the row is settled already. The same transaction must
 * record the revocation, so that the serial goes on the CRL.
 */
export async function recordBurnt(tx: Tx, id: string, at: Date): Promise<boolean> {
  return await settle(tx, id, { state: 'burnt', settledAt: at });
}

async function settle(
  tx: Tx,
  id: string,
  outcome: Pick<typeof certificate.$inferInsert, 'state'> & { settledAt: Date | ReturnType<typeof sql> },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(certificate)
    .set(outcome)
    .where(and(eq(certificate.id, id), eq(certificate.state, 'signing')));
  return rowCount === 1;
}

/** One certificate by its id. */
export async function findCertificate(tx: Tx, id: string): Promise<CertificateRecord | undefined> {
  const [row] = await recordById(tx, { id });
  return row && present(row);
}

const recordById = statement('certificate_by_id', (tx) => records(tx).where(eq(certificate.id, sql.placeholder('id'))));

/** One certificate by issuer (CA id) and serial. */
export async function findBySerial(tx: Tx, issuer: string, serial: Uint8Array): Promise<CertificateRecord | undefined> {
  const [row] = await recordBySerial(tx, { issuer, serial });
  return row && present(row);
}

const thisSerial = () =>
  and(eq(certificate.issuer, sql.placeholder('issuer')), eq(certificate.serial, sql.placeholder('serial')));
const recordBySerial = statement('certificate_by_serial', (tx) => records(tx).where(thisSerial()));

/** What an OCSP answer needs to know of a serial; undefined when it was never given to a TBSCertificate. */
export async function certificateStatus(
  tx: Tx,
  issuer: string,
  serial: Uint8Array,
): Promise<{ state: CertificateState; revokedAt?: Date; notAfter: Date } | undefined> {
  const [row] = await statusBySerial(tx, { issuer, serial });
  return row && present(row);
}

const statusBySerial = statement('certificate_status', (tx) =>
  tx
    .select({ state: certificate.state, notAfter: certificate.notAfter, revokedAt: revocation.revokedAt })
    .from(certificate)
    .leftJoin(revocation, eq(revocation.certificateId, certificate.id))
    .where(thisSerial()),
);

/** Rows still 'signing' after `olderThanMs`, by the database's clock, oldest first: whoever had them signed is gone. */
export async function staleIntents(tx: Tx, olderThanMs: number): Promise<CertificateRecord[]> {
  const rows = await records(tx)
    .where(
      and(
        eq(certificate.state, 'signing'),
        sql`${certificate.createdAt} < clock_timestamp() - ${olderThanMs} * interval '1 millisecond'`,
      ),
    )
    .orderBy(certificate.id);
  return rows.map(present);
}

/** How many of these serials of one issuer belong to certificates whose validity ended before a moment. */
export async function countExpiredBefore(
  tx: Tx,
  issuer: string,
  serials: readonly Uint8Array[],
  before: Date,
): Promise<number> {
  // One parameter however many serials: a statement has at most 65,535.
  const hex = serials.map((serial) => Buffer.from(serial).toString('hex')).join();
  const { rows } = await tx.execute<{ expired: number }>(sql`
    select count(*)::int as expired from certificate
    where issuer = ${issuer} and not_after < ${before}
      and serial in (select decode(hex, 'hex') from unnest(string_to_array(${hex}, ',')) as hex)`);
  return rows[0]?.expired ?? 0;
}

/** Every row with this key, in any state, oldest first. */
export async function findKeyUse(tx: Tx, keyDigest: Uint8Array): Promise<KeyUse[]> {
  return await usesByKey(tx, { keyDigest });
}

const usesByKey = statement('certificate_by_key', (tx) => {
  const { id: certificateId, state, orderDigest, actor, holderKey } = certificate;
  return tx
    .select({ certificateId, state, orderDigest, actor, holderKey })
    .from(certificate)
    .where(eq(certificate.keyDigest, sql.placeholder('keyDigest')))
    .orderBy(certificate.id);
});

/** The columns of a `CertificateSummary`, for a select with the revocation beside them. */
export const summaryColumns = {
  id: certificate.id,
  issuer: certificate.issuer,
  serial: certificate.serial,
  profile: certificate.profile,
  profileDigest: certificate.profileDigest,
  state: certificate.state,
  subject: certificate.subject,
  holder: certificate.holder,
  holderKey: certificate.holderKey,
  structure: certificate.structure,
  keyDigest: certificate.keyDigest,
  actor: certificate.actor,
  actorKind: certificate.actorKind,
  notBefore: certificate.notBefore,
  notAfter: certificate.notAfter,
  createdAt: certificate.createdAt,
  settledAt: certificate.settledAt,
};
export const revocationColumns = { revokedAt: revocation.revokedAt, reason: revocation.reason };
const recordColumns = {
  ...summaryColumns,
  tbs: certificate.tbs,
  der: certificate.der,
  orderDigest: certificate.orderDigest,
};

function records(tx: Tx) {
  return tx
    .select({ ...recordColumns, revocation: revocationColumns })
    .from(certificate)
    .leftJoin(revocation, eq(revocation.certificateId, certificate.id))
    .$dynamic();
}
