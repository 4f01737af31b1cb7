// The worker as processes: what it does without anyone asking, once however many of it run, and soon.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { unsealedBacklog, verifyAudit } from '#db/audit-chain.ts';
import { findCertificate, recordIntent } from '#db/certificates.ts';
import { latestCrl, listCrls } from '#db/crls.ts';
import { appendFeed } from '#db/feed.ts';
import { outboxBacklog } from '#db/outbox.ts';
import { listAllResponders } from '#db/responders.ts';
import { recordRevocation } from '#db/revocations.ts';
import { issueCertificate } from '../../src/ca/issue.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { findCrlEntry, parseCrl } from '../../src/x509/crl.ts';
import { HOSPITAL, OPERATOR, recordStructures, serverCsr } from '../helpers/cast.ts';
import { prepareService, type RunningRole, type Service, until, untilReady } from '../helpers/service.ts';

const ISSUER = 'ACI-EL-ORG-TEST';
const INTERMEDIATES = 6;

let service: Service;
let operator: System;
let workers: readonly RunningRole[];

beforeAll(async () => {
  service = await prepareService({ environment: { SIGNING_DEADLINE_MS: '2000' } });
  service.start('signer issuing');
  service.start('signer ocsp');
  operator = await service.open('operator');
  const worker = await service.open('worker');
  await untilReady(operator.issuing);
  await untilReady(worker.ocsp);
  await recordStructures(operator);
  workers = [service.start('worker'), service.start('worker')];
});

afterAll(() => service?.stop());

const issue = () =>
  issueCertificate(operator, {
    profile: 'serv-ssl',
    holder: { kind: 'structure', ...HOSPITAL },
    key: { csr: serverCsr('www.hopital-generique.fr') },
    actor: OPERATOR,
  });
const isListed = async (serial: Uint8Array): Promise<boolean> => {
  const crl = await latestCrl(operator.db.read, ISSUER);
  return crl !== undefined && findCrlEntry(parseCrl(crl.der), serial) !== undefined;
};
const count = async (from: string): Promise<number> =>
  (await operator.db.read.execute<{ n: number }>(`select count(*)::int as n from ${from}`)).rows[0]?.n ?? Number.NaN;
const numbers = async (): Promise<number> => (await listCrls(operator.db.read, { issuer: ISSUER, limit: 100 })).length;
const idle = (): Promise<void> =>
  until(async () => (await count('outbox')) === 0 && (await count('graphile_worker._private_jobs')) === 0);

it('two of them at their start make one list and one responder for each intermediate', async () => {
  await until(async () => (await listAllResponders(operator.db.read, new Date())).length >= INTERMEDIATES);
  await until(async () => (await listCrls(operator.db.read, { limit: 100 })).length >= INTERMEDIATES);
  await idle();
  const responders = await listAllResponders(operator.db.read, new Date());
  expect([responders.length, new Set(responders.map(({ issuer }) => issuer)).size]).toEqual([
    INTERMEDIATES,
    INTERMEDIATES,
  ]);
  const lists = await listCrls(operator.db.read, { limit: 100 });
  expect(lists.map(({ number, state, scheduled }) => [number, state, scheduled])).toEqual(
    Array.from({ length: INTERMEDIATES }, () => [1n, 'published', true]),
  );
}, 60_000);

it('a revocation is on the next list, through outbox and job, and makes that list once', async () => {
  const { id, der } = await issue();
  const before = await numbers();
  await revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR });
  await until(() => isListed(parseCertificate(der).serial));
  await idle();
  expect(await numbers()).toBe(before + 1);
  expect(await outboxBacklog(operator.db.read)).toEqual({ rows: 0, oldest: null });
});

it('twenty revocations at once are all listed, whatever became of their jobs', async () => {
  const issued = await Promise.all(Array.from({ length: 20 }, issue));
  await Promise.all(issued.map(({ id }) => revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR })));
  for (const { der } of issued) await until(() => isListed(parseCertificate(der).serial));
});

it('a revocation whose job was lost is listed all the same', async () => {
  const { id, der } = await issue();
  const { serial } = parseCertificate(der);
  await operator.db.transaction(async (tx) => {
    const revokedAt = new Date(Math.floor(Date.now() / 1000) * 1000);
    await recordRevocation(tx, { certificateId: id, reason: 'superseded', revokedAt, actor: 'operator:test' });
    await appendFeed(tx, { issuer: ISSUER, serial, revokedAt });
  });
  await until(() => isListed(serial));
});

it('a row that nobody settles is burnt and on the list', async () => {
  const { id } = await issue();
  const row = await findCertificate(operator.db.read, id);
  if (row === undefined) throw new Error('it was issued');
  const serial = new Uint8Array(16).fill(0x33);
  const { der, settledAt, createdAt, structure, revocation, ...intent } = row;
  const left = {
    ...intent,
    id: '01990000-0000-7000-8000-000000000002',
    serial,
    keyDigest: new Uint8Array(32).fill(1),
  };
  await operator.db.transaction((tx) => recordIntent(tx, left));
  await until(() => isListed(serial));
  expect(await findCertificate(operator.db.read, left.id)).toMatchObject({
    state: 'burnt',
    revocation: { reason: 'unspecified' },
  });
});

it('every audit row is sealed soon, by one of them at a time, and the chain holds', async () => {
  await issue();
  await until(async () => (await unsealedBacklog(operator.db.read)).rows === 0);
  const { checked, faults } = await verifyAudit(operator.db.read);
  expect(faults).toEqual([]);
  expect(checked).toBeGreaterThanOrEqual(await count('certificate'));
  expect(await count('audit_chain')).toBe(await count('audit_event'));
});

it('each certificate has one intent and one outcome', async () => {
  const { rows } = await operator.db.read.execute<{ state: string; kinds: string }>(`
    select state, string_agg(kind, ' ' order by event.id) as kinds
    from certificate left join audit_event event
      on subject_id = certificate.id::text and kind in ('certificate_intent', 'certificate_issued', 'certificate_burnt', 'certificate_unsigned')
    where certificate.id <> '01990000-0000-7000-8000-000000000002'
    group by certificate.id, state`);
  expect(rows.length).toBeGreaterThan(20);
  for (const { state, kinds } of rows) expect(kinds).toBe(`certificate_intent certificate_${state}`);
});

it('SIGTERM ends them with 0', async () => {
  expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0]);
});
