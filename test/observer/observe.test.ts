// The observer on the real public role, and on one that lies: each lie is an alarm of its own kind, and the truth clears it.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { latestCrl } from '#db/crls.ts';
import { issueCertificate } from '../../src/ca/issue.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { newObserver, type Observer, observe } from '../../src/observer/observe.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { findCrlEntry, parseCrl } from '../../src/x509/crl.ts';
import { HOSPITAL, OPERATOR, recordStructures, serverCsr } from '../helpers/cast.ts';
import { getPublic, ISSUER } from '../helpers/faults.ts';
import { type Lie, type LyingPublic, startLyingPublic } from '../helpers/lying-public.ts';
import { prepareService, type Service, until, untilReady } from '../helpers/service.ts';

const HOUR = 3_600_000;
const LIST = `/CRL/${ISSUER}.crl`;
const FILE = `/AC%20TEST/${ISSUER}.cer`;
const INTERMEDIATES = 6;

let service: Service;
let operator: System;
let liar: LyingPublic;
let system: System;
let observer: Observer;
/** a list that was true once */
let old: Buffer;

const served = async (path: string): Promise<Buffer> => (await getPublic(service, path))?.body ?? Buffer.alloc(0);
const issue = () =>
  issueCertificate(operator, {
    profile: 'serv-ssl',
    holder: { kind: 'structure', ...HOSPITAL },
    key: { csr: serverCsr('www.hopital-generique.fr') },
    actor: OPERATOR,
  });
async function revokeOne(): Promise<void> {
  const { id, der } = await issue();
  await revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR });
  const { serial } = parseCertificate(der);
  await until(async () => findCrlEntry(parseCrl(await served(LIST)), serial) !== undefined);
}

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  service.start('signer ocsp');
  operator = await service.open('operator');
  await untilReady(operator.issuing);
  await recordStructures(operator);
  service.start('worker');
  service.start('public');
  await until(async () => (await getPublic(service, '/readyz'))?.statusCode === 200);
  await until(async () => (await served(LIST)).length > 0 && (await latestCrl(operator.db.read, ISSUER)) !== undefined);
  await revokeOne();
  old = await served(LIST);
  await revokeOne();
  await issue();
  liar = await startLyingPublic(service);
  const urls = { OBSERVER_URL: liar.url, OBSERVER_OCSP_URL: `${liar.url}/` };
  system = { ...(await service.open('worker', urls)), clock: later(0.01) };
}, 120_000);

afterAll(async () => {
  await liar?.close();
  await service?.stop();
});

beforeEach(() => {
  observer = { ...newObserver('test'), deadlineMs: 2_000 };
});

/** Half a minute later, unless told, every row has reached every copy. */
function later(hours: number): () => Date {
  return () => new Date(Date.now() + hours * HOUR);
}
const alarms = async (): Promise<string[]> =>
  (await listAlarms(system.db.read)).map(({ kind, subject }) => `${kind} ${subject}`).sort();

const bytes =
  (body: Uint8Array, status = 200): Lie =>
  (response) => {
    response.writeHead(status).end(body);
  };
const hang: Lie = (response) => {
  response.writeHead(200, { 'content-length': '1000' }).write('0');
};
const drip: Lie = (response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write('0'), 100);
  response.once('close', () => clearInterval(timer));
};
const flood: Lie = (response) => {
  response.writeHead(200);
  const pour = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', pour);
  pour();
};

/** What one look at a lie raises; and that the look at the truth after it clears it. */
async function raisedBy(path: string, lie: Lie): Promise<string[]> {
  liar.lie(path, lie);
  await observe(system, observer);
  const raised = await alarms();
  liar.lie(path, undefined);
  await observe(system, observer);
  expect(await alarms()).toEqual([]);
  return raised;
}

it('finds nothing wrong with what is served, lists, certificates and answers of every intermediate', async () => {
  expect(await observe(system, observer)).toBe(0);
  expect(await alarms()).toEqual([]);
  expect(observer.seen.size).toBe(INTERMEDIATES);
});

it('is done by one worker at a time, and by none without an address', async () => {
  expect(await observe(system, { ...observer, holder: 'another' })).toBeUndefined();
  expect(await observe({ ...system, config: operator.config }, observer)).toBeUndefined();
});

describe('a list', () => {
  it.each<[string, () => Promise<Lie> | Lie]>([
    ['that is cut short', async () => bytes((await served(LIST)).subarray(0, 400))],
    ['of another authority', async () => bytes(await served('/CRL/ACI-FO-PP-TEST.crl'))],
    [
      'with one bit changed in its signature',
      async () => {
        const list = Buffer.from(await served(LIST));
        list[list.length - 1] = (list.at(-1) ?? 0) ^ 1;
        return bytes(list);
      },
    ],
    ['that is none', () => bytes(Buffer.from('<html>'))],
    ['that is not there', async () => bytes(await served(LIST), 404)],
    ['that never ends', () => drip],
    ['whose server stops in the middle', () => hang],
    ['whose server ends the connection', () => (response) => response.destroy()],
  ])(
    '%s is unverifiable',
    async (_, lie) => {
      expect(await raisedBy(LIST, await lie())).toEqual([`list_unverifiable ${ISSUER}`]);
    },
    30_000,
  );

  it('that is older than one that was seen went back', async () => {
    await observe(system, observer);
    expect(await raisedBy(LIST, bytes(old))).toEqual([`list_went_back ${ISSUER}`]);
  });

  it('that was replaced more than an hour ago is stale, for an observer that is new too', async () => {
    const anHourLater = { ...system, clock: later(1.1) };
    liar.lie(LIST, bytes(old));
    await observe(anHourLater, observer);
    expect(await alarms()).toContain(`list_stale ${ISSUER}`);
    liar.lie(LIST, undefined);
    await observe(anHourLater, observer);
    expect(await alarms()).not.toContain(`list_stale ${ISSUER}`);
  });

  it('that nobody replaces is stale days before it ends', async () => {
    await observe({ ...system, clock: later(83) }, observer);
    expect(await alarms()).not.toContain(`list_stale ${ISSUER}`);
    await observe({ ...system, clock: later(85) }, observer);
    expect(await alarms()).toContain(`list_stale ${ISSUER}`);
    await observe(system, observer);
    expect(await alarms()).toEqual([]);
  });
});

it('a certificate of an authority that is another one, or more than any certificate, is wrong', async () => {
  const other = await served('/AC%20TEST/ACI-FO-PP-TEST.cer');
  expect(await raisedBy(FILE, bytes(other))).toEqual([`authority_file_wrong ${ISSUER}`]);
  expect(await raisedBy(FILE, flood)).toEqual([`authority_file_wrong ${ISSUER}`]);
});

describe('OCSP', () => {
  it.each<[string, Lie]>([
    ['is away', (response) => response.destroy()],
    ['answers tryLater', bytes(Buffer.from('30030a0103', 'hex'))],
    ['answers something else', bytes(Buffer.from('<html>'))],
    ['answers with an error of HTTP', bytes(Buffer.alloc(0), 500)],
  ])('that %s is wrong for every authority, and nothing else is', async (_, lie) => {
    const raised = await raisedBy('/', lie);
    expect([raised.length, raised.every((alarm) => alarm.startsWith('ocsp_wrong '))]).toEqual([INTERMEDIATES, true]);
  });

  it('that says good of what the list revokes is wrong: the list and the answer have to agree', async () => {
    // a revocation that the status feed was not told of: the list has it, the answers do not
    const { id, der } = await issue();
    const serial = Buffer.from(parseCertificate(der).serial).toString('hex');
    await system.db.transaction(async (tx) => {
      await tx.execute(`set local session_replication_role = replica`);
      await tx.execute(`insert into revocation (certificate_id, issuer, serial, not_after, revoked_at, reason, actor)
        select id, issuer, serial, not_after, date_trunc('second', now()), 'superseded', 'operator:test' from certificate where id = '${id}'`);
    });
    await until(async () => findCrlEntry(parseCrl(await served(LIST)), Buffer.from(serial, 'hex')) !== undefined);
    await observe(system, observer);
    const [alarm] = await listAlarms(system.db.read, { kind: 'ocsp_wrong' });
    expect(alarm).toMatchObject({ subject: ISSUER, detail: `of ${serial}, which is revoked: good` });
  }, 60_000);
});
