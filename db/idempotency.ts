// Idempotency keys: fifty equal requests at once make one certificate. A key belongs to one actor and one route, and ends with
// the certificate or the refusal it led to. An outage leaves nothing, so that the request can be tried again.

import { and, eq, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { idempotency, type StoredRefusal } from './schema/certificates.ts';

type IdempotencyKey = { readonly actor: string; readonly route: string; readonly key: string };

/** The right to answer a request; `attempt` tells it from one that was taken over. */
export type IdempotencyClaim = IdempotencyKey & { readonly attempt: number };

export type IdempotencyState =
  /** this request goes on */
  | { readonly kind: 'claimed'; readonly claim: IdempotencyClaim }
  /** an equal request is on its way */
  | { readonly kind: 'running' }
  /** answered before, with one of the two */
  | { readonly kind: 'done'; readonly certificateId?: string; readonly refusal?: StoredRefusal }
  /** the key was used with another body */
  | { readonly kind: 'differs' };

export type IdempotencyOutcome = { readonly certificateId: string } | { readonly refusal: StoredRefusal };

export type IdempotencyRequest = IdempotencyKey & {
  /** SHA-256 of the request's body */
  readonly bodyDigest: Uint8Array;
  /** after this time without an outcome an equal request may take over */
  readonly leaseMs: number;
};

/** Claims a key for one request, or says what became of it. Only one of several at once is told 'claimed'. */
export async function claimIdempotency(tx: Tx, request: IdempotencyRequest): Promise<IdempotencyState> {
  const { actor, route, key, bodyDigest, leaseMs } = request;
  const leaseUntil = sql`clock_timestamp() + ${leaseMs} * interval '1 millisecond'`;
  const claimed = await tx.execute<{ attempt: number }>(sql`
    insert into idempotency as held (actor, route, key, body_digest, state, lease_until)
    values (${actor}, ${route}, ${key}, ${bodyDigest}, 'running', ${leaseUntil})
    on conflict (actor, route, key) do update set attempt = held.attempt + 1, lease_until = excluded.lease_until
    where held.state = 'running' and held.lease_until <= clock_timestamp() and held.body_digest = excluded.body_digest
    returning attempt`);
  const attempt = claimed.rows[0]?.attempt;
  return attempt === undefined
    ? await whatBecameOf(tx, request)
    : { kind: 'claimed', claim: { actor, route, key, attempt } };
}

async function whatBecameOf(tx: Tx, request: IdempotencyRequest): Promise<IdempotencyState> {
  const [row] = await tx.select().from(idempotency).where(sameKey(request));
  // Dropped between the two statements: the next try finds the key free.
  if (!row) return { kind: 'running' };
  if (Buffer.compare(row.bodyDigest, request.bodyDigest) !== 0) return { kind: 'differs' };
  if (row.certificateId !== null) return { kind: 'done', certificateId: row.certificateId };
  return row.refusal === null ? { kind: 'running' } : { kind: 'done', refusal: row.refusal };
}

/** From 'running' to 'done'; false when the claim was taken over, and the caller's transaction must roll back. */
export async function completeIdempotency(
  tx: Tx,
  claim: IdempotencyClaim,
  outcome: IdempotencyOutcome,
): Promise<boolean> {
  const { rowCount } = await tx
    .update(idempotency)
    .set({ state: 'done', leaseUntil: null, ...outcome })
    .where(running(claim));
  return rowCount === 1;
}

/** Frees the key after an outage; false when the claim was taken over or is done. */
export async function dropIdempotency(tx: Tx, claim: IdempotencyClaim): Promise<boolean> {
  const { rowCount } = await tx.delete(idempotency).where(running(claim));
  return rowCount === 1;
}

function sameKey({ actor, route, key }: IdempotencyKey) {
  return and(eq(idempotency.actor, actor), eq(idempotency.route, route), eq(idempotency.key, key));
}

function running(claim: IdempotencyClaim) {
  return and(sameKey(claim), eq(idempotency.state, 'running'), eq(idempotency.attempt, claim.attempt));
}
