import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  claimIdempotency,
  completeIdempotency,
  dropIdempotency,
  type IdempotencyClaim,
  type IdempotencyRequest,
} from '#db/idempotency.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { digest, issued } from './samples.ts';

let fresh: FreshDatabase;
let request: IdempotencyRequest;
let count = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(() => {
  const key = `key-${++count}`;
  request = { actor: 'a', route: 'createCertificate', key, bodyDigest: digest('body'), leaseMs: 3_600_000 };
});

const claim = (changes: Partial<IdempotencyRequest> = {}) =>
  claimIdempotency(fresh.db.read, { ...request, ...changes });

async function claimed(): Promise<IdempotencyClaim> {
  const state = await claim();
  if (state.kind !== 'claimed') throw new Error(`not claimed but ${state.kind}`);
  return state.claim;
}

async function expire(): Promise<void> {
  await fresh.db.read.execute(
    sql`update idempotency set lease_until = now() - interval '1 second' where key = ${request.key}`,
  );
}

test('of fifty equal requests at once one is claimed and the others are told that it runs', async () => {
  const kinds = (await Promise.all(Array.from({ length: 50 }, () => claim()))).map(({ kind }) => kind);
  expect(kinds.sort()).toEqual(['claimed', ...Array(49).fill('running')]);
});

test('the same key with another body differs, running or done', async () => {
  const first = await claimed();
  expect(await claim({ bodyDigest: digest('other') })).toEqual({ kind: 'differs' });
  const { id: certificateId } = await issued(fresh.db.read);
  await completeIdempotency(fresh.db.read, first, { certificateId });
  expect(await claim({ bodyDigest: digest('other') })).toEqual({ kind: 'differs' });
});

test('the same key of another actor, or on another route, is another key', async () => {
  await claimed();
  expect(await claim({ actor: 'b' })).toMatchObject({ kind: 'claimed' });
  expect(await claim({ route: 'revokeCertificate' })).toMatchObject({ kind: 'claimed' });
});

test('a request that made a certificate is answered with it for ever', async () => {
  const first = await claimed();
  const { id: certificateId } = await issued(fresh.db.read);
  expect(await completeIdempotency(fresh.db.read, first, { certificateId })).toBe(true);
  expect(await claim()).toEqual({ kind: 'done', certificateId });
  expect(await completeIdempotency(fresh.db.read, first, { certificateId })).toBe(false);
  expect(await dropIdempotency(fresh.db.read, first)).toBe(false);
});

test('a request that was refused is refused in the same words', async () => {
  const refusal = {
    code: 'key_weak',
    detail: 'the key is weak',
    findings: [{ rule: 'RFC 8017 §3.1 RSA Public Key', at: 'spki @ 4', detail: 'e is 1' }],
  } as const;
  await completeIdempotency(fresh.db.read, await claimed(), { refusal });
  expect(await claim()).toEqual({ kind: 'done', refusal });
});

test('after an outage the key is free', async () => {
  expect(await dropIdempotency(fresh.db.read, await claimed())).toBe(true);
  expect(await claim()).toMatchObject({ kind: 'claimed' });
});

test('a claim whose lease has ended is taken over once, by the same body only', async () => {
  await claimed();
  await expire();
  expect(await claim({ bodyDigest: digest('other') })).toEqual({ kind: 'differs' });
  const kinds = (await Promise.all(Array.from({ length: 10 }, () => claim()))).map(({ kind }) => kind);
  expect(kinds.sort()).toEqual(['claimed', ...Array(9).fill('running')]);
});

test('a claim that was taken over can neither complete nor drop the key', async () => {
  const slow = await claimed();
  await expire();
  const successor = await claimed();
  const { id: certificateId } = await issued(fresh.db.read);
  expect(await completeIdempotency(fresh.db.read, slow, { certificateId })).toBe(false);
  expect(await dropIdempotency(fresh.db.read, slow)).toBe(false);
  expect(await completeIdempotency(fresh.db.read, successor, { certificateId })).toBe(true);
});
