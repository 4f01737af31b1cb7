// A token that hangs, dies, lies, lacks a key or has another PIN. Callers get 503 within the deadline and when to come back, lists and
// OCSP go on, nothing false is published, and once the token is there again certificates are issued without anybody's help.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openToken } from '#hsm/ceremony.ts';
import { readAuthority } from '../../src/authority.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { fromPem } from '../../src/x509/pem.ts';
import type { Answer, CertificateDocument } from '../helpers/api-client.ts';
import { issueCard, MARTIN } from '../helpers/cast.ts';
import {
  type Administrator,
  answerAtLast,
  apiReady,
  connectTo,
  eventually,
  getPublic,
  ISSUER,
  newOrder,
  type Repeatable,
  respondersReady,
  settleIn,
  TO_START,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { ask } from '../helpers/judges.ts';
import { type LyingSigner, startLyingSigner } from '../helpers/lying-signer.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';
import { type RemoteToken, serveRemotely } from '../helpers/token.ts';

const SIGNING_DEADLINE_MS = 1_000;
/** For a machine with other things to do: what a test waits beyond the deadline before it calls an answer late. */
const MARGIN_MS = 10_000;

let service: Service;
let administrator: Administrator;
let watch: Client;
let remote: RemoteToken;
let signer: RunningRole;
let ocspSigner: RunningRole;
/** whether a signer that ends is started again, as a supervisor would */
let supervised = true;
let certificate: string;
const issued: string[] = [];

beforeAll(async () => {
  service = await prepareService({ spy: true, environment: { SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS) } });
  const { root: folder, module, softhsmConf } = service.hierarchy;
  remote = serveRemotely({ folder, module, environment: { SOFTHSM2_CONF: softhsmConf } });
  await remote.start();
  startSigner();
  ocspSigner = service.start('signer ocsp');
  administrator = (await settleIn(service))();
  for (const role of ['api', 'worker', 'public'] as const) service.start(role);
  watch = await connectTo(service.database.url);
  await respondersReady(watch);
  await eventually('the first list is out', async () => (await lists('published')) > 0, TO_START);
  await apiReady(administrator);
  certificate = await expectIssued(newOrder());
});

afterAll(async () => {
  supervised = false;
  await watch?.end();
  await service?.stop();
  remote?.resume();
  await remote?.kill();
});

/** The spy stands between the signer and p11-kit's client, which stands before the token. */
function startSigner(more: Readonly<Record<string, string>> = {}): void {
  const started = service.start('signer issuing', { PKCS11SPY: remote.module, ...remote.environment, ...more });
  signer = started;
  void started.ended.then(() => {
    if (supervised && signer === started) startSigner(more);
  });
}

async function stopSigner(): Promise<void> {
  supervised = false;
  await signer.kill();
  supervised = true;
}

const apiIsReady = async (): Promise<boolean> => (await administrator.get('/readyz'))?.statusCode === 200;

const lists = async (state: 'published' | 'burnt'): Promise<number> =>
  (await watch.query('select from crl where issuer = $1 and state = $2', [ISSUER, state])).rowCount ?? 0;

const firstCertificate = (): Certificate =>
  parseCertificate(fromPem(certificate, 'CERTIFICATE')[0] ?? new Uint8Array());

type Row = { readonly id: string; readonly state: string };
const rowsSince = async (before: readonly string[]): Promise<readonly Row[]> =>
  (
    await watch.query<Row>(
      `select id, state from certificate where profile = 'org-auth-cli' and not id = any($1) order by id`,
      [before],
    )
  ).rows;
const idsNow = async (): Promise<string[]> => (await rowsSince([])).map(({ id }) => id);
const statesOf = (rows: readonly Row[]): string[] => rows.map(({ state }) => state);

const signatures = (): number => service.spy?.calls().filter((name) => name === 'C_Sign').length ?? 0;

function expectComeBack(answer: Answer | undefined): void {
  expect(answer?.statusCode).toBe(503);
  expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0);
}

/** Every answer of these orders, which must come within the signing deadline. */
async function placeAll(orders: readonly Repeatable[]): Promise<readonly (Answer | undefined)[]> {
  const began = performance.now();
  const answers = await Promise.all(orders.map((one) => administrator.order(one)));
  expect(performance.now() - began).toBeLessThan(SIGNING_DEADLINE_MS + MARGIN_MS);
  return answers;
}

async function expectIssued(repeatable: Repeatable): Promise<string> {
  const answer = await answerAtLast(administrator, repeatable);
  expect(answer.statusCode).toBe(201);
  const document = answer.json<CertificateDocument>();
  issued.push(document.certificate);
  return document.certificate;
}

/** Lists, OCSP and both health pages, while the issuing token is away. */
async function expectOthersGoOn(): Promise<void> {
  expect((await getPublic(service, `/CRL/${ISSUER}.crl`))?.statusCode).toBe(200);
  expect(await ocspStatus()).toBe('good');
  expect((await getPublic(service, '/livez'))?.statusCode).toBe(200);
  expect((await getPublic(service, '/readyz'))?.statusCode).toBe(200);
  expect((await administrator.get('/livez'))?.statusCode).toBe(200);
}

/** What openssl is told of the certificate that was issued first. */
async function ocspStatus(): Promise<string | undefined> {
  const { directory, hierarchy } = service;
  writeFileSync(join(directory, 'asked.pem'), certificate);
  const url = `http://127.0.0.1:${service.publicPort}/`;
  const issuer = join(hierarchy.directory, `${ISSUER}.cer`);
  const asked = ['-issuer', issuer, '-cert', 'asked.pem', '-url', url, '-noverify'];
  const { said } = await ask('openssl', directory, ['ocsp', ...asked]);
  return /asked\.pem: (\w+)|Responder Error: (\w+)/.exec(said)?.slice(1).find(Boolean);
}

/** Every one of them in the end, by the same Idempotency-Key. */
async function expectAllIssued(orders: readonly Repeatable[]): Promise<void> {
  for (const one of orders) await expectIssued(one);
}

const several = (count: number): readonly Repeatable[] => Array.from({ length: count }, () => newOrder());

describe('a token that hangs', () => {
  it('costs 503 within the deadline and nothing else, shows in /readyz, and goes on when it wakes', async () => {
    const before = await idsNow();
    const orders = several(6);
    remote.freeze();
    for (const answer of await placeAll(orders)) expectComeBack(answer);
    await expectOthersGoOn();
    // an answer of /readyz is kept for a second
    const ready = await eventually('/readyz says so', async () => {
      const answer = await administrator.get('/readyz');
      return answer?.statusCode === 503 ? answer : undefined;
    });
    expect(ready.json<object>()).toMatchObject({
      checks: [
        { name: 'database', ok: true },
        { name: 'clock', ok: true },
        { name: 'issuing token', ok: false },
        { name: 'keys in the issuing token', ok: true },
        { name: 'calls to the issuing token', ok: false },
      ],
    });
    for (const state of statesOf(await rowsSince(before))) expect(['burnt', 'unsigned']).toContain(state);

    remote.resume();
    await expectAllIssued(orders);
    await eventually('/readyz says so', apiIsReady);
  }, 60_000);
});

describe('a token that is killed', () => {
  it('costs 503 as long as it is away; the signer finds it again by itself', async () => {
    const orders = several(2);
    await remote.kill();
    for (const answer of await placeAll(orders)) expectComeBack(answer);
    await expectOthersGoOn();
    await remote.start();
    await expectAllIssued(orders);
  }, 60_000);
});

describe('a signer that lies', () => {
  const LIES = {
    'with octets that are no signature': () => Buffer.alloc(512, 0x5a),
    'with nothing': () => Buffer.alloc(0),
    'with a signature by the right key over something else': () => firstCertificate().signature,
  };

  const lieTo = async (role: 'api' | 'worker', lie: () => Uint8Array): Promise<LyingSigner> => {
    await stopSigner();
    return startLyingSigner(join(service.environment.SIGNER_SOCKETS ?? '', 'issuing'), [role], lie);
  };

  it.each(Object.entries(LIES))('%s: 503, and the row is burnt', async (_name, lie) => {
    const before = await idsNow();
    const repeatable = newOrder();
    const liar = await lieTo('api', lie);
    expectComeBack(await administrator.order(repeatable));
    expect(statesOf(await rowsSince(before))).toEqual(['burnt']);
    liar.stop();
    startSigner();
    await expectIssued(repeatable);
  });

  it('about a list: its number is burnt and it is not published; the next one is', async () => {
    const { id } = (await answerAtLast(administrator, newOrder())).json<CertificateDocument>();
    const liar = await lieTo('worker', LIES['with a signature by the right key over something else']);
    const [published, burnt] = [await lists('published'), await lists('burnt')];
    expect((await administrator.revoke(id))?.statusCode).toBe(200);
    await eventually('a list was tried', async () => (await lists('burnt')) > burnt);
    expect(await lists('published')).toBe(published);
    liar.stop();
    startSigner();
    await eventually('the next list is published', async () => (await lists('published')) > published);
  });

  it('about OCSP: tryLater, never an answer that does not verify', async () => {
    await ocspSigner.kill();
    const liar = await startLyingSigner(join(service.environment.SIGNER_SOCKETS ?? '', 'ocsp'), ['public'], () =>
      Buffer.alloc(256, 1),
    );
    expect(await ocspStatus()).toBe('trylater');
    liar.stop();
    ocspSigner = service.start('signer ocsp');
    await eventually('OCSP answers again', async () => (await ocspStatus()) === 'good');
  });
});

describe('a token without the key', () => {
  it('costs 503 and an unsigned row; other authorities go on', async () => {
    const { hierarchy } = service;
    const before = await idsNow();
    const calls = signatures();
    await stopSigner();
    const kept = join(hierarchy.root, 'tokens-kept');
    cpSync(hierarchy.tokens, kept, { recursive: true });
    destroyKey();
    startSigner();
    await eventually('the signer has opened its token', () => signer.log().includes('"state":"open"'), TO_START);
    const repeatable = newOrder();
    for (const answer of await placeAll([repeatable])) expectComeBack(answer);
    expect(statesOf(await rowsSince(before))).toEqual(['unsigned']);
    expect(signatures()).toBe(calls);
    expect(signer.log()).toContain(`"missingKeys":["${ISSUER}"]`);
    await expectOthersGoOn();
    await issueCard(await service.open('operator'), MARTIN);

    await stopSigner();
    await remote.kill();
    rmSync(hierarchy.tokens, { recursive: true });
    cpSync(kept, hierarchy.tokens, { recursive: true });
    await remote.start();
    startSigner();
    await expectIssued(repeatable);
  }, 180_000);
});

function destroyKey(): void {
  const { hierarchy } = service;
  process.env.SOFTHSM2_CONF = hierarchy.softhsmConf;
  const pin = readFileSync(hierarchy.pinFiles.issuing, 'utf8').trim();
  const token = openToken({
    ...{ module: hierarchy.module, label: 'igc-sante-issuing', pin },
    latchDirectory: hierarchy.directory,
  });
  const bytes = readFileSync(join(hierarchy.directory, `${ISSUER}.cer`));
  const { keyId } = readAuthority({ id: ISSUER, kind: 'intermediate', issuer: '', certificate: bytes });
  expect(token.destroyKey(keyId)).toBe(true);
  token.close();
}

describe('a wrong PIN', () => {
  it('is tried once in ten starts of the signer, costs 503 and an unsigned row, and the right one is taken at once', async () => {
    const before = await idsNow();
    const repeatable = newOrder();
    await stopSigner();
    const logins = (): number => service.spy?.calls().filter((name) => name === 'C_Login').length ?? 0;
    const tried = logins();
    const wrong = join(service.directory, 'wrong.pin');
    writeFileSync(wrong, 'certainly-not-it\n', { mode: 0o600 });
    for (let restart = 0; restart < 10; restart += 1) {
      await stopSigner();
      startSigner({ ISSUING_PIN_FILE: wrong });
      await eventually('the signer is latched', () => signer.log().includes('"state":"latched"'), TO_START);
    }
    expect(logins()).toBe(tried + 1);
    for (const answer of await placeAll([repeatable])) expectComeBack(answer);
    expect(statesOf(await rowsSince(before))).toEqual(['unsigned']);
    await eventually('/readyz says so', async () => (await administrator.get('/readyz'))?.statusCode === 503);
    await expectOthersGoOn();

    await stopSigner();
    startSigner();
    await expectIssued(repeatable);
  }, 180_000);
});

it('keeps every promise through all of this', async () => {
  await checkInvariants(service, { issued });
});
