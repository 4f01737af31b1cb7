// SIGKILL before and after each of record, sign, record. The points are seen from outside, in rows, locks and the token's log; the
// code under test has no hook for it.

import { X509Certificate } from 'node:crypto';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, CertificateDocument } from '../helpers/api-client.ts';
import {
  type Administrator,
  answerAtLast,
  apiReady,
  connectionsEnded,
  connectTo,
  eventually,
  newOrder,
  type Repeatable,
  respondersReady,
  settleIn,
  waitingForLock,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';
import { wasSigned } from '../helpers/token-log.ts';

/** Recovery burns after twice this, and an Idempotency-Key is free again after four times. */
const SIGNING_DEADLINE_MS = 1_500;

let service: Service;
let administrator: Administrator;
let watch: Client;
let signer: RunningRole;
let api: RunningRole;
/** what was answered with 2xx */
const issued: string[] = [];

beforeAll(async () => {
  service = await prepareService({ spy: true, environment: { SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS) } });
  signer = service.start('signer issuing');
  service.start('signer ocsp');
  administrator = (await settleIn(service))();
  service.start('worker');
  service.start('public');
  await startApi();
  watch = await connectTo(service.database.url);
  await respondersReady(watch);
});

afterAll(async () => {
  await watch?.end();
  await service?.stop();
});

async function startApi(): Promise<void> {
  api = service.start('api');
  await apiReady(administrator);
}

type Row = { readonly id: string; readonly state: string; readonly tbs: Buffer; readonly der: Buffer | null };
const ROWS = `select id, state, tbs, der from certificate where profile = 'org-auth-cli' and not id = any($1) order by id`;

/** What was ordered, oldest first, but the rows that were there `before`. */
const rowsSince = async (before: readonly string[]): Promise<readonly Row[]> =>
  (await watch.query<Row>(ROWS, [before])).rows;

const idsNow = async (): Promise<string[]> => (await rowsSince([])).map(({ id }) => id);
const statesOf = (rows: readonly Row[]): string[] => rows.map(({ state }) => state);

type Sent = {
  readonly orders: readonly [withKey: Repeatable, without: Repeatable];
  readonly answers: Promise<readonly (Answer | undefined)[]>;
};

/** One order with an Idempotency-Key and one without, at once. */
function sendTwo(): Sent {
  const orders = [newOrder(), newOrder({ idempotent: false })] as const;
  return { orders, answers: Promise.all(orders.map((order) => administrator.order(order))) };
}

/** The same while the signer is stopped: both rows are recorded, nothing is signed. */
async function sendTwoToStoppedSigner(before: readonly string[]): Promise<Sent> {
  signer.signal('SIGSTOP');
  const sent = sendTwo();
  await eventually('two rows are signing', async () => statesOf(await rowsSince(before)).join() === 'signing,signing');
  return sent;
}

/** The same when both are signed and wait for a lock to record the result; `release` lets them. */
async function sendTwoUntilSigned(before: readonly string[]): Promise<Sent & { release(): Promise<void> }> {
  const sent = await sendTwoToStoppedSigner(before);
  const lock = await connectTo(service.database.url);
  await lock.query('begin');
  await lock.query('select from certificate where not id = any($1) for update', [before]);
  signer.signal('SIGCONT');
  await eventually('both results wait', async () => (await waitingForLock(watch, 'api', 'with issued as')) === 2);
  return { ...sent, release: () => lock.end() };
}

/** Any number that no other lock has. */
const COMMIT_LOCK = 70_614;

/** From now on the COMMIT of a result waits for a lock, when all else of it is done. */
const waitAtCommit = (): Promise<unknown> =>
  watch.query(`
    create or replace function wait_at_commit() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock_shared(${COMMIT_LOCK}); return null; end $$;
    create constraint trigger wait_at_commit after update on certificate deferrable initially deferred
    for each row when (new.state = 'issued') execute function wait_at_commit()`);

const commitAtOnce = (): Promise<unknown> => watch.query('drop trigger wait_at_commit on certificate');

const codeOf = ({ statusCode, json }: Answer): string => `${statusCode} ${json().code ?? ''}`.trim();

async function expectIssued(repeatable: Repeatable): Promise<string> {
  const answer = await answerAtLast(administrator, repeatable);
  expect(codeOf(answer)).toBe('201');
  const { certificate } = answer.json<CertificateDocument>();
  issued.push(certificate);
  return certificate;
}

/** Each order, sent again, is issued; sent once more it gives the same certificate, and never a second one. */
async function expectOneEach(orders: readonly Repeatable[]): Promise<void> {
  for (const repeatable of orders) {
    const certificate = await expectIssued(repeatable);
    if (repeatable.idempotencyKey !== undefined) expect(await expectIssued(repeatable)).toBe(certificate);
    const { order } = repeatable;
    expect(codeOf(await answerAtLast(administrator, { order }))).toBe('422 key_reused');
    const idempotencyKey = `another ${issued.length}`;
    expect(codeOf(await answerAtLast(administrator, { order, idempotencyKey }))).toBe('422 key_reused');
  }
}

/** What a killed api left behind, for the retries at the end: an Idempotency-Key is free again after seconds, for all at once. */
const left: { readonly orders: readonly Repeatable[]; readonly rows: readonly Row[] }[] = [];

describe('SIGKILL of the api', () => {
  it('before the intent is recorded leaves no row', async () => {
    const before = await idsNow();
    const lock = await connectTo(service.database.url);
    await lock.query('begin');
    await lock.query('lock table certificate in share mode');
    const { orders, answers } = sendTwo();
    await eventually('both intents wait', async () => (await waitingForLock(watch, 'api', 'with intent as')) === 2);
    await api.kill();
    expect(await answers).toEqual([undefined, undefined]);
    await connectionsEnded(watch, 'api');
    await lock.end();
    expect(await rowsSince(before)).toEqual([]);
    left.push({ orders, rows: [] });
    await startApi();
  });

  it('after the intent and before the signature leaves rows to recovery', async () => {
    const before = await idsNow();
    const { orders, answers } = await sendTwoToStoppedSigner(before);
    await api.kill();
    expect(await answers).toEqual([undefined, undefined]);
    const rows = await rowsSince(before);
    expect(statesOf(rows)).not.toContain('issued');
    expect(rows.some(({ tbs }) => wasSigned(service, tbs))).toBe(false);
    signer.signal('SIGCONT');
    left.push({ orders, rows });
    await startApi();
  });

  it('after the signature and before the result leaves rows to recovery', async () => {
    const before = await idsNow();
    const { orders, answers, release } = await sendTwoUntilSigned(before);
    await api.kill();
    expect(await answers).toEqual([undefined, undefined]);
    await connectionsEnded(watch, 'api');
    await release();
    const rows = await rowsSince(before);
    expect(statesOf(rows)).not.toContain('issued');
    expect(rows.every(({ tbs }) => wasSigned(service, tbs))).toBe(true);
    left.push({ orders, rows });
    await startApi();
  });

  it('after the result and before the answer loses nothing: the Idempotency-Key gives that very certificate', async () => {
    const before = await idsNow();
    await waitAtCommit();
    const lock = await connectTo(service.database.url);
    await lock.query(`select pg_advisory_lock(${COMMIT_LOCK})`);
    const { orders, answers } = sendTwo();
    // the order with a key settles it in a transaction, the other one is a transaction of one statement
    await eventually('both results wait at their commit', async () => {
      const waiting = await Promise.all(['commit', 'with issued as'].map((text) => waitingForLock(watch, 'api', text)));
      return waiting.join() === '1,1';
    });
    api.signal('SIGSTOP');
    await lock.end();
    const rows = await eventually('both results are committed', async () => {
      const found = await rowsSince(before);
      return statesOf(found).join() === 'issued,issued' ? found : undefined;
    });
    await api.kill();
    expect(await answers).toEqual([undefined, undefined]);
    await commitAtOnce();

    await startApi();
    const [withKey, without] = orders;
    const { raw } = new X509Certificate(await expectIssued(withKey));
    expect(rows.map(({ der }) => der?.toString('hex'))).toContain(raw.toString('hex'));
    expect(codeOf(await answerAtLast(administrator, without))).toBe('422 key_reused');
    expect(await rowsSince(before)).toEqual(rows);
  });

  it('leaves every order to be repeated: recovery burns its row, and the retry is issued, once', async () => {
    for (const { orders } of left) await expectOneEach(orders);
    const states = new Map((await rowsSince([])).map(({ id, state }) => [id, state]));
    for (const { rows } of left) for (const { id } of rows) expect(states.get(id)).toBe('burnt');
  });
});

describe('SIGKILL of the signer', () => {
  it('that has a request burns its row and is answered 503; the next signer issues', async () => {
    const before = await idsNow();
    const { orders, answers } = await sendTwoToStoppedSigner(before);
    await signer.kill();
    for (const answer of await answers) {
      expect(answer?.statusCode).toBe(503);
      expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(statesOf(await rowsSince(before))).toEqual(['burnt', 'burnt']);

    signer = service.start('signer issuing');
    await expectOneEach(orders);
    expect(statesOf(await rowsSince(before)).filter((state) => state === 'issued')).toHaveLength(2);
  });
});

it('keeps every promise through all of this', async () => {
  await checkInvariants(service, { issued });
});
