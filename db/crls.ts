// CRL numbers and CRLs. A number is taken before its TBSCertList is signed, and is never used again whatever becomes of it.

import { and, desc, eq, max, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { fencedBy, type HeldLease } from './leases.ts';
import { crl } from './schema/revocations.ts';

export type CrlIntent = {
  /** CA id */
  readonly issuer: string;
  readonly number: bigint;
  /** whether it is one of the regular series, after which entries of expired certificates may go */
  readonly scheduled: boolean;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** number of revoked certificates in it */
  readonly entries: number;
  readonly tbs: Uint8Array;
};

export type PublishedCrl = {
  readonly number: bigint;
  readonly der: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
};

export type CrlSummary = Omit<CrlIntent, 'tbs'> & {
  readonly state: 'signing' | 'published' | 'burnt';
  readonly createdAt: Date;
};

/** The number after the highest ever taken for this issuer, burnt ones included: RFC 5280 §5.2.3 CRL Number. */
export async function nextCrlNumber(tx: Tx, issuer: string): Promise<bigint> {
  const [row] = await tx
    .select({ highest: max(crl.number) })
    .from(crl)
    .where(eq(crl.issuer, issuer));
  return BigInt(row?.highest ?? 0) + 1n;
}

/**
 * Takes a number for what is about to be signed. False, and nothing written, when the number is not the next one (another
 * publisher was faster) or thisUpdate would be before that of a published CRL (the clock went back).
 */
export async function recordCrlIntent(tx: Tx, intent: CrlIntent): Promise<boolean> {
  const { issuer, number, scheduled, thisUpdate, nextUpdate, entries, tbs } = intent;
  const { rowCount } = await tx.execute(sql`
    insert into crl (issuer, number, state, scheduled, this_update, next_update, entries, tbs)
    select ${issuer}, ${number}::bigint, 'signing', ${scheduled}, ${thisUpdate}::timestamptz, ${nextUpdate}, ${entries}, ${tbs}
    where ${number}::bigint = 1 + coalesce((select max(number) from crl where issuer = ${issuer}), 0)
      and not exists (
        select 1 from crl
        where issuer = ${issuer} and state = 'published' and this_update > ${thisUpdate}::timestamptz
      )
    on conflict do nothing`);
  return rowCount === 1;
}

/**
 * Publishes a signed CRL, from 'signing' to 'published'. False when the lease was lost, the row was burnt meanwhile, or a
 * higher number is already published.
 */
export async function publishCrl(
  tx: Tx,
  signed: HeldLease & { readonly issuer: string; readonly number: bigint; readonly der: Uint8Array },
): Promise<boolean> {
  const { issuer, number, der } = signed;
  const { rowCount } = await tx.execute(sql`
    with held as (${fencedBy(signed)})
    update crl set state = 'published', der = ${der}, tbs = null, epoch = held.epoch, settled_at = clock_timestamp()
    from held
    where crl.issuer = ${issuer} and crl.number = ${number} and crl.state = 'signing'
      and not exists (
        select 1 from crl later
        where later.issuer = ${issuer} and later.number > ${number} and later.state = 'published'
      )`);
  return rowCount === 1;
}

/** Gives up a CRL whose signature may exist, from 'signing' to 'burnt'; false when it is settled already. */
export async function burnCrl(tx: Tx, issuer: string, number: bigint): Promise<boolean> {
  const { rowCount } = await tx
    .update(crl)
    .set({ state: 'burnt', settledAt: sql`clock_timestamp()` })
    .where(and(eq(crl.issuer, issuer), eq(crl.number, number), eq(crl.state, 'signing')));
  return rowCount === 1;
}

/** The published CRL with the highest number. */
export async function latestCrl(tx: Tx, issuer: string): Promise<PublishedCrl | undefined> {
  const [row] = await tx
    .select({ number: crl.number, der: crl.der, thisUpdate: crl.thisUpdate, nextUpdate: crl.nextUpdate })
    .from(crl)
    .where(and(eq(crl.issuer, issuer), eq(crl.state, 'published')))
    .orderBy(desc(crl.number))
    .limit(1);
  return row?.der ? { ...row, der: row.der } : undefined;
}

/** The number of the published CRL with the highest number, without its bytes. */
export async function latestCrlNumber(tx: Tx, issuer: string): Promise<bigint | undefined> {
  const [row] = await tx
    .select({ number: max(crl.number) })
    .from(crl)
    .where(and(eq(crl.issuer, issuer), eq(crl.state, 'published')));
  return row?.number == null ? undefined : BigInt(row.number);
}

/** thisUpdate of the last published CRL of the regular series. */
export async function latestScheduledUpdate(tx: Tx, issuer: string): Promise<Date | undefined> {
  const [row] = await tx
    .select({ thisUpdate: crl.thisUpdate })
    .from(crl)
    .where(and(eq(crl.issuer, issuer), eq(crl.state, 'published'), crl.scheduled))
    .orderBy(desc(crl.number))
    .limit(1);
  return row?.thisUpdate;
}

/**
 * Writes a CRL of before this database existed, so that numbers go on above it: with its DER as published, with only its TBS
 * as burnt. False when the number is known already.
 */
export async function adoptCrl(
  tx: Tx,
  earlier: Omit<CrlIntent, 'tbs' | 'scheduled'> & ({ readonly der: Uint8Array } | { readonly tbs: Uint8Array }),
): Promise<boolean> {
  const { issuer, number, thisUpdate, nextUpdate, entries } = earlier;
  const outcome =
    'der' in earlier
      ? { state: 'published' as const, der: earlier.der, epoch: 0n }
      : { state: 'burnt' as const, tbs: earlier.tbs };
  const { rowCount } = await tx
    .insert(crl)
    .values({
      issuer,
      number,
      thisUpdate,
      nextUpdate,
      entries,
      scheduled: true,
      settledAt: sql`clock_timestamp()`,
      ...outcome,
    })
    .onConflictDoNothing();
  return rowCount === 1;
}

/** CRL numbers of one issuer, or of all, newest first, without their bytes. */
export async function listCrls(
  tx: Tx,
  { issuer, limit }: { readonly issuer?: string; readonly limit: number },
): Promise<CrlSummary[]> {
  const { number, state, scheduled, thisUpdate, nextUpdate, entries, createdAt } = crl;
  return await tx
    .select({ issuer: crl.issuer, number, state, scheduled, thisUpdate, nextUpdate, entries, createdAt })
    .from(crl)
    .where(issuer === undefined ? undefined : eq(crl.issuer, issuer))
    .orderBy(crl.issuer, desc(number))
    .limit(limit);
}

/** CRLs still 'signing' after `olderThanMs`, by the database's clock: whoever signed them is gone. */
export async function staleCrlIntents(tx: Tx, olderThanMs: number): Promise<{ issuer: string; number: bigint }[]> {
  return await tx
    .select({ issuer: crl.issuer, number: crl.number })
    .from(crl)
    .where(
      and(
        eq(crl.state, 'signing'),
        sql`${crl.createdAt} < clock_timestamp() - ${olderThanMs} * interval '1 millisecond'`,
      ),
    )
    .orderBy(crl.createdAt);
}
