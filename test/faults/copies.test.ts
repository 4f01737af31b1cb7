// Two workers, two apis and two publics on one database: what one of them may do is done once, and what a killed one leaves undone
// is done by the other.

import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCrl } from '../../src/x509/crl.ts';
import type { CertificateDocument } from '../helpers/api-client.ts';
import {
  type Administrator,
  answerAtLast,
  apiReady,
  connectTo,
  eventually,
  getPublic,
  ISSUER,
  newOrder,
  respondersReady,
  settleIn,
  TO_START,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { freePort, prepareService, type RunningRole, type Service } from '../helpers/service.ts';

const SIGNING_DEADLINE_MS = 1_000;
/** A lease that runs out, a look every three seconds, and pauses after a try that failed on a busy machine. */
const LEASE_PATIENCE = { withinMs: 45_000 };

let service: Service;
let otherPublicPort: number;
let administrators: readonly Administrator[];
let watch: Client;
let signer: RunningRole;
let workers: readonly RunningRole[];
/** The six copies: each can be killed, and is started again as it was. */
let copies: { readonly start: () => RunningRole; running: RunningRole }[];
const issued: string[] = [];
const revoked: string[] = [];

beforeAll(async () => {
  service = await prepareService({ spy: true, environment: { SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS) } });
  const otherApiPort = await freePort();
  otherPublicPort = await freePort();
  signer = service.start('signer issuing');
  service.start('signer ocsp');
  const login = await settleIn(service);
  administrators = [login(), login({ apiPort: otherApiPort })];
  copies = [
    () => service.start('api'),
    () => service.start('api', { API_LISTEN: `127.0.0.1:${otherApiPort}` }),
    () => service.start('public'),
    () => service.start('public', { PUBLIC_LISTEN: `127.0.0.1:${otherPublicPort}` }),
    () => service.start('worker'),
    () => service.start('worker'),
  ].map((start) => ({ start, running: start() }));
  workers = copies.slice(-2).map(({ running }) => running);
  watch = await connectTo(service.database.url);
  for (const one of administrators) await apiReady(one);
}, 150_000);

afterAll(async () => {
  await watch?.end();
  await service?.stop();
});

const pick = <T>(of: readonly T[], index: number): T => of[index % of.length] as T;
const publics = (): readonly { publicPort: number }[] => [service, { publicPort: otherPublicPort }];

type CrlRow = { readonly issuer: string; readonly number: string; readonly state: string; readonly der: Buffer | null };

const crls = async (): Promise<readonly CrlRow[]> =>
  (await watch.query<CrlRow>('select issuer, number, state, der from crl order by issuer, number')).rows;
const ownCrls = async (): Promise<readonly CrlRow[]> => (await crls()).filter(({ issuer }) => issuer === ISSUER);

async function issueOne(administrator: Administrator): Promise<string> {
  const { id, certificate } = (await answerAtLast(administrator, newOrder())).json<CertificateDocument>();
  issued.push(certificate);
  return id;
}

/** The serials on the last published list of the orders' CA. */
async function listedNow(): Promise<number> {
  const last = (await ownCrls()).findLast(({ der }) => der !== null);
  return last?.der == null ? -1 : parseCrl(last.der).entryCount;
}

it('two workers that start at once on a new database make one responder and one first list for each CA', async () => {
  await respondersReady(watch);
  const published = async (): Promise<string[]> =>
    (await crls()).filter(({ state }) => state === 'published').map(({ issuer }) => issuer);
  await eventually('every CA has a list', async () => new Set(await published()).size === 6);
  expect(await published()).toHaveLength(6);
  const { rows } = await watch.query('select issuer from ocsp_responder');
  expect(rows).toHaveLength(6);
});

it('one order sent to both apis ten times at once is one certificate', async () => {
  const repeatable = newOrder();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => pick(administrators, index).order(repeatable)),
  );
  const codes = new Set(answers.map((answer) => answer?.statusCode));
  expect([...codes].filter((code) => code !== 201 && code !== 409)).toEqual([]);
  const made = answers
    .filter((answer) => answer?.statusCode === 201)
    .map((answer) => answer?.json<CertificateDocument>());
  expect(new Set(made.map((certificate) => certificate?.serial)).size).toBe(1);
  const other = await answerAtLast(pick(administrators, 1), repeatable);
  expect(other.json<CertificateDocument>().serial).toBe(made[0]?.serial);
  issued.push(other.json<CertificateDocument>().certificate);
});

it('revocations through both apis at once are all listed, by no more lists than are needed, and seen in both publics', async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, (_, index) => issueOne(pick(administrators, index))));
  const answers = await Promise.all(ids.map((id, index) => pick(administrators, index).revoke(id)));
  expect(answers.map((answer) => answer?.statusCode)).toEqual(Array(8).fill(200));
  revoked.push(...ids);
  await eventually('all are listed', async () => (await listedNow()) === ids.length);
  const published = (await ownCrls()).filter(({ der }) => der !== null);
  const sizes = published.map(({ der }) => parseCrl(der ?? new Uint8Array()).entryCount);
  expect(sizes, 'each list adds to the one before').toEqual([...new Set(sizes)].toSorted((a, b) => a - b));
  for (const copy of publics()) {
    await eventually('every public serves the last list', async () => {
      const answer = await getPublic(copy, `/CRL/${ISSUER}.crl`);
      return answer?.body.equals(published.at(-1)?.der ?? Buffer.alloc(0));
    });
  }
});

/** What graphile-worker still has for us. */
const jobs = async (): Promise<readonly { locked: boolean }[]> =>
  (await watch.query('select locked_at is not null as locked from graphile_worker._private_jobs')).rows;

it('a revocation that comes while a list is being made is on the next one', async () => {
  const [first, second] = await Promise.all([issueOne(pick(administrators, 0)), issueOne(pick(administrators, 1))]);
  signer.signal('SIGSTOP');
  expect((await pick(administrators, 0).revoke(first ?? ''))?.statusCode).toBe(200);
  const made = await eventually('a list is signing', async () => {
    const last = (await ownCrls()).at(-1);
    return last?.state === 'signing' ? last : undefined;
  });
  expect((await pick(administrators, 1).revoke(second ?? ''))?.statusCode).toBe(200);
  revoked.push(first ?? '', second ?? '');
  signer.signal('SIGCONT');
  await eventually('both are listed', async () => (await listedNow()) === revoked.length);
  expect(BigInt((await ownCrls()).at(-1)?.number ?? 0)).toBeGreaterThan(BigInt(made.number));
});

it('a list that one worker was making when it was killed is made by the other, though the job stays locked', async () => {
  const id = await issueOne(pick(administrators, 0));
  await eventually('no job is left', async () => (await jobs()).length === 0);
  const [first, second] = workers;
  second?.signal('SIGSTOP');
  signer.signal('SIGSTOP');
  expect((await pick(administrators, 1).revoke(id))?.statusCode).toBe(200);
  revoked.push(id);
  const before = await eventually('a list is signing', async () => {
    const last = (await ownCrls()).at(-1);
    return last?.state === 'signing' ? last : undefined;
  });
  await first?.kill();
  const killed = performance.now();
  expect(await jobs()).toEqual([{ locked: true }]);
  second?.signal('SIGCONT');
  signer.signal('SIGCONT');
  await eventually('the revocation is listed', async () => (await listedNow()) === revoked.length, LEASE_PATIENCE);
  const after = await ownCrls();
  expect(after.find(({ number }) => number === before.number)?.state).toBe('burnt');
  expect(BigInt(after.findLast(({ der }) => der !== null)?.number ?? 0)).toBeGreaterThan(BigInt(before.number));
  // half a minute after its last word a worker is buried, and its job is free; until then the list cannot be that job's doing
  if (performance.now() - killed < 25_000) expect(await jobs()).toEqual([{ locked: true }]);
});

it('a worker whose job runner gave up starts another one', async () => {
  await watch.query(`select pg_notify('worker:migrate', '{"breaking":true,"migrationNumber":9999}')`);
  await eventually('the runner is started again', () => pick(workers, 1).log().includes('started again'));
  const id = await issueOne(pick(administrators, 0));
  expect((await pick(administrators, 0).revoke(id))?.statusCode).toBe(200);
  revoked.push(id);
  await eventually('the revocation is listed', async () => (await listedNow()) === revoked.length);
  await eventually('its job is done', async () => (await jobs()).every(({ locked }) => locked));
  expect((await watch.query('select from outbox')).rowCount).toBe(0);
});

/** Orders, each repeated at the other api until it is answered, and every third certificate revoked, until told to stop. */
async function keepOrdering(first: number, goOn: () => boolean): Promise<void> {
  for (let turn = first; goOn(); turn += 1) {
    const repeatable = newOrder();
    const answer = await eventually('either api answers the order', async () => {
      turn += 1;
      const given = await pick(administrators, turn).order(repeatable);
      return given?.statusCode === 201 ? given : undefined;
    });
    const { id, certificate } = answer.json<CertificateDocument>();
    issued.push(certificate);
    if (turn % 3 !== 0) continue;
    await eventually('either api answers the revocation', async () => {
      turn += 1;
      const given = await pick(administrators, turn).revoke(id);
      // 409 is what a repeat is told when the first try was done and its answer was lost
      return given?.statusCode === 200 || given?.statusCode === 409;
    });
    revoked.push(id);
  }
}

const answersOcsp = async (copy: { publicPort: number }): Promise<boolean> =>
  (await getPublic(copy, '/readyz'))?.statusCode === 200;

it('under load each of the six is killed in its turn, and the service goes on answering', async () => {
  let goOn = true;
  const callers = [0, 1, 2, 3].map((first) => keepOrdering(first, () => goOn));
  for (const copy of copies) {
    const before = issued.length;
    await copy.running.kill();
    await eventually('orders are answered without it', () => issued.length > before + 4);
    await eventually('a public answers without it', async () =>
      (await Promise.all(publics().map(answersOcsp))).some(Boolean),
    );
    copy.running = copy.start();
    await eventually('it is back', () => copy.running.log().includes('started'), TO_START);
  }
  goOn = false;
  await Promise.all(callers);
}, 120_000);

it('keeps every promise, whichever copy is asked', async () => {
  for (const copy of publics()) await checkInvariants({ ...service, ...copy }, { issued, revoked });
}, 60_000);
