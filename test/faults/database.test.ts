// A PostgreSQL that is killed, that loses a COMMIT on the way, and whose disk is full. Callers get 503 and when to come back, no
// process ends, and once the database is there again everything goes on by itself.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '#db/connect.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { type Cluster, startCluster } from '../../scripts/cluster.ts';
import { removeTemporaryFolder, temporaryFolder } from '../../scripts/temporary.ts';
import { toPem } from '../../src/x509/pem.ts';
import type { Answer, CertificateDocument } from '../helpers/api-client.ts';
import { type CommitProxy, openCommitProxy } from '../helpers/commit-proxy.ts';
import {
  type Administrator,
  answerAtLast,
  connectTo,
  eventually,
  getPublic,
  ISSUER,
  newOrder,
  type Repeatable,
  respondersReady,
  settleIn,
  waitingForLock,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { ask } from '../helpers/judges.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';
import { wasSigned } from '../helpers/token-log.ts';

const SIGNING_DEADLINE_MS = 1_000;

let cluster: Cluster;
let proxy: CommitProxy;
let service: Service;
let administrator: Administrator;
let watch: Client;
let signer: RunningRole;
let roles: readonly RunningRole[];
const issued: string[] = [];

/** A server of this file's own, that survives its kills; whatever server the run uses otherwise. */
async function startOwnCluster(): Promise<Cluster> {
  delete process.env.DATABASE_URL;
  return startCluster({ durable: true, directory: join(temporaryFolder(), 'own') });
}

beforeAll(async () => {
  cluster = await startOwnCluster();
  await migrateDatabase(cluster.url);
  const db = openDatabase(cluster.url, { applicationName: 'igc-sante test' });
  proxy = await openCommitProxy(join(temporaryFolder(), 'proxy'), cluster.directory);
  service = await prepareService({
    spy: true,
    environment: { SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS) },
    database: { url: cluster.url, db, drop: () => db.close() },
  });
  signer = service.start('signer issuing');
  service.start('signer ocsp');
  administrator = (await settleIn(service))();
  roles = [service.start('api', { DATABASE_URL: proxy.url }), service.start('worker'), service.start('public')];
  watch = await connectTo(cluster.url);
  await respondersReady(watch);
  await eventually('everybody is ready', isReady);
});

afterAll(async () => {
  await watch?.end().catch(() => undefined);
  await service?.stop();
  proxy?.close();
  await cluster?.stop();
  await removeTemporaryFolder();
});

const isReady = async (): Promise<boolean> =>
  (await administrator.get('/readyz'))?.statusCode === 200 &&
  (await getPublic(service, '/readyz'))?.statusCode === 200 &&
  (await getPublic(service, `/CRL/${ISSUER}.crl`))?.statusCode === 200;

type Row = { readonly id: string; readonly state: string; readonly tbs: Buffer; readonly der: Buffer | null };

/** What was ordered, oldest first, but the rows that were there `before`. */
const rowsSince = async (before: readonly string[]): Promise<readonly Row[]> =>
  (
    await watch.query<Row>(
      `select id, state, tbs, der from certificate where profile = 'org-auth-cli' and not id = any($1) order by id`,
      [before],
    )
  ).rows;
const idsNow = async (): Promise<string[]> => (await rowsSince([])).map(({ id }) => id);
const statesOf = (rows: readonly Row[]): string[] => rows.map(({ state }) => state);

function expectComeBack(answer: Answer | undefined): void {
  expect(answer?.statusCode).toBe(503);
  expect(answer?.json().code).toBe('service_unavailable');
  expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0);
}

async function expectIssued(repeatable: Repeatable): Promise<string> {
  const answer = await answerAtLast(administrator, repeatable);
  expect(answer.statusCode).toBe(201);
  const { certificate } = answer.json<CertificateDocument>();
  issued.push(certificate);
  return certificate;
}

/** What openssl is told of the status of a certificate: `good`, `revoked`, `trylater`. */
async function ocspStatus(certificate: string): Promise<string | undefined> {
  const { directory } = service;
  writeFileSync(join(directory, 'asked.pem'), certificate);
  writeFileSync(join(directory, 'issuer.pem'), authorityPem(ISSUER));
  const url = `http://127.0.0.1:${service.publicPort}/`;
  const asked = ['-issuer', 'issuer.pem', '-cert', 'asked.pem', '-url', url, '-noverify'];
  const { said } = await ask('openssl', directory, ['ocsp', ...asked]);
  return /asked\.pem: (\w+)|Responder Error: (\w+)/.exec(said)?.slice(1).find(Boolean);
}

const authorityPem = (id: string): string =>
  toPem('CERTIFICATE', readFileSync(join(service.hierarchy.directory, `${id}.cer`)));

/** SIGKILL to the postmaster; its children end when they see that it is gone. */
function killPostgres(): void {
  const [pid] = readFileSync(join(cluster.directory, 'data', 'postmaster.pid'), 'utf8').split('\n');
  process.kill(Number(pid), 'SIGKILL');
}

/** The next server refuses to start until the last child of the killed one has ended. */
async function startPostgresAgain(): Promise<void> {
  cluster = await eventually('PostgreSQL starts again', () => startOwnCluster().catch(() => undefined));
  watch = await connectTo(cluster.url);
}

/** From here on the worker is in the middle of a job: the list that names a revocation waits to be recorded. */
async function publicationWaits(): Promise<void> {
  const revoked = (await answerAtLast(administrator, newOrder())).json<CertificateDocument>();
  issued.push(revoked.certificate);
  const lock = await connectTo(cluster.url);
  await lock.query('begin');
  await lock.query('lock table crl in share mode');
  expect((await administrator.revoke(revoked.id))?.statusCode).toBe(200);
  await eventually('the list waits', async () => (await waitingForLock(watch, 'worker', 'insert into crl')) === 1);
  const { rowCount } = await watch.query('select from graphile_worker._private_jobs where locked_at is not null');
  expect(rowCount).toBe(1);
}

const haveEnded = async (): Promise<boolean> =>
  (await Promise.race([Promise.race(roles.map(({ ended }) => ended)), Promise.resolve('running')])) !== 'running';

it('PostgreSQL killed between signature and result: 503, nobody exits, and recovery settles when it is back', async () => {
  const certificate = await expectIssued(newOrder());
  expect(await ocspStatus(certificate)).toBe('good');
  await publicationWaits();
  const before = await idsNow();
  signer.signal('SIGSTOP');
  const repeatable = newOrder();
  const answer = administrator.order(repeatable);
  const [row] = await eventually('the row is signing', async () => {
    const rows = await rowsSince(before);
    return rows.length === 1 ? rows : undefined;
  });
  const lock = await connectTo(cluster.url);
  await lock.query('begin');
  await lock.query('select from certificate where id = $1 for update', [row?.id]);
  signer.signal('SIGCONT');
  await eventually('the result waits', async () => (await waitingForLock(watch, 'api', 'with issued as')) === 1);
  expect(wasSigned(service, row?.tbs ?? new Uint8Array())).toBe(true);
  killPostgres();
  expectComeBack(await answer);

  expectComeBack(await administrator.order(newOrder()));
  expect((await administrator.get('/livez'))?.statusCode).toBe(200);
  // an answer of /readyz is kept for a second
  await eventually('/readyz says so', async () => (await administrator.get('/readyz'))?.statusCode === 503);
  expect((await getPublic(service, '/livez'))?.statusCode).toBe(200);
  await eventually('OCSP says tryLater, not an old good', async () => (await ocspStatus(certificate)) === 'trylater');
  await eventually('/readyz says so', async () => (await getPublic(service, '/readyz'))?.statusCode === 503);
  expect((await getPublic(service, `/CRL/${ISSUER}.crl`))?.statusCode).toBe(200);
  expect(await haveEnded()).toBe(false);

  await startPostgresAgain();
  await eventually('everybody is ready again', isReady);
  expect(await ocspStatus(certificate)).toBe('good');
  await expectIssued(repeatable);
  expect(statesOf(await rowsSince(before))).toEqual(['burnt', 'issued']);
  expect(await haveEnded()).toBe(false);
}, 90_000);

describe('a COMMIT that is lost on the way', () => {
  // the names of their statements: the text is sent only once on each connection
  const INTENT = 'issuance_intent';
  const RESULT = 'issuance_result';

  it('of the intent, with its transaction: nothing has happened', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    proxy.loseCommit({ transaction: INTENT, commits: false });
    expectComeBack(await administrator.order(repeatable));
    expect(await rowsSince(before)).toEqual([]);
    await expectIssued(repeatable);
    expect(statesOf(await rowsSince(before))).toEqual(['issued']);
  });

  it('of the intent, without its transaction: the row is burnt, and was never signed', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    proxy.loseCommit({ transaction: INTENT, commits: true });
    expectComeBack(await administrator.order(repeatable));
    const [row] = await rowsSince(before);
    expect(row?.state).not.toBe('issued');
    expect(wasSigned(service, row?.tbs ?? new Uint8Array())).toBe(false);
    await expectIssued(repeatable);
    expect(statesOf(await rowsSince(before))).toEqual(['burnt', 'issued']);
  });

  it('of the result, with its transaction: the signed row is burnt', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    proxy.loseCommit({ transaction: RESULT, commits: false });
    expectComeBack(await administrator.order(repeatable));
    const [row] = await rowsSince(before);
    expect(row?.state).not.toBe('issued');
    expect(wasSigned(service, row?.tbs ?? new Uint8Array())).toBe(true);
    await expectIssued(repeatable);
    expect(statesOf(await rowsSince(before))).toEqual(['burnt', 'issued']);
  });

  it('of the result, without its transaction: the same Idempotency-Key gives the certificate that was made', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    proxy.loseCommit({ transaction: RESULT, commits: true });
    expectComeBack(await administrator.order(repeatable));
    const [row] = await rowsSince(before);
    expect(row?.state).toBe('issued');
    expect(await expectIssued(repeatable)).toBe(toPem('CERTIFICATE', row?.der ?? new Uint8Array()));
    expect(await rowsSince(before)).toHaveLength(1);
  });
});

/** PostgreSQL's own words for a full disk, said when an audit row of this kind is written. */
async function fillDiskAt(kind: 'certificate_intent' | 'certificate_issued'): Promise<void> {
  await watch.query(`
    create or replace function disk_full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
  await watch.query(`
    create trigger disk_full before insert on audit_event for each row when (new.kind = '${kind}')
    execute function disk_full()`);
}

const freeDisk = (): Promise<unknown> => watch.query('drop trigger disk_full on audit_event');

describe('a full disk', () => {
  it('at the intent: 503, no row, and the token is not asked', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    await fillDiskAt('certificate_intent');
    expectComeBack(await administrator.order(repeatable));
    await freeDisk();
    expect(await rowsSince(before)).toEqual([]);
    // Counting calls here would count a list of the worker's too: that the token signed nothing for this order is what the last
    // test of this file finds, where every signature in the spy's log has its record.
    await expectIssued(repeatable);
  });

  it('at the result: 503, and recovery burns the row', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    await fillDiskAt('certificate_issued');
    expectComeBack(await administrator.order(repeatable));
    expect(statesOf(await rowsSince(before))).not.toContain('issued');
    await freeDisk();
    await expectIssued(repeatable);
    expect(statesOf(await rowsSince(before))).toEqual(['burnt', 'issued']);
  });
});

it('keeps every promise through all of this', async () => {
  await checkInvariants(service, { issued });
  expect(await haveEnded()).toBe(false);
});
