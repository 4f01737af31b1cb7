// Delegated responders over their lives: at most thirty days each, renewed with overlap, and their keys destroyed at the end.
// The clock of this process and of both signers is moved together.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAllResponders } from '#db/responders.ts';
import { createKeySweep } from '../../src/ca/forsaken-keys.ts';
import { destroyEndedResponders, renewOcspResponders } from '../../src/ca/renew-responders.ts';
import { createIssuerIndex } from '../../src/ocsp/issuers.ts';
import { respondOcsp } from '../../src/ocsp/respond.ts';
import { createResponders } from '../../src/ocsp/responders.ts';
import { createStatusIndex } from '../../src/ocsp/status.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { sequence } from '../../src/x509/der-writer.ts';
import { keyAlgorithmOf } from '../../src/x509/keys.ts';
import { certIdFor } from '../../src/x509/ocsp.ts';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { ask } from '../helpers/judges.ts';
import { prepareService, type Service, untilReady } from '../helpers/service.ts';

const ISSUER = 'ACI-EL-ORG-TEST';
const DAY = 86_400_000;
const START = new Date();
const INTERMEDIATES = 6;

let service: Service;
let worker: System;
let copy: System;

beforeAll(async () => {
  service = await prepareService();
  service.startTimed('issuing');
  service.startTimed('ocsp');
  worker = await service.open('worker');
  copy = await service.open('public');
  await untilReady(worker.issuing);
  await untilReady(worker.ocsp);
}, 60_000);

afterAll(() => service?.stop());

const day = (count: number): void => service.clock.moveTo(new Date(START.getTime() + count * DAY));

/** The responder that signs now, and until when the answer is good. */
async function answer(): Promise<{ serial: string; notAfter: Date; nextUpdate: Date | undefined }> {
  const status = createStatusIndex(copy.db, 'test');
  await status.poll();
  const needs = {
    ...copy,
    status,
    issuers: createIssuerIndex(copy.authorities),
    responders: createResponders(copy.db),
  };
  const certificate = copy.authorities.get(ISSUER)?.certificate;
  // the responder's own serial is one that was issued
  const [row] = (await listAllResponders(copy.db.read, copy.clock())).filter(({ issuer }) => issuer === ISSUER);
  const { serial } = parseCertificate(row?.der ?? new Uint8Array());
  const id = certIdFor(certificate?.subject ?? serial, certificate?.spki ?? serial, serial);
  const response = parseOcspResponse((await respondOcsp(needs, sequence(sequence(sequence(sequence(id)))))).der);
  if (response.status !== 'successful') throw new Error(response.status);
  const signer = parseCertificate(response.basic.certificates[0] ?? new Uint8Array());
  return {
    serial: Buffer.from(signer.serial).toString('hex'),
    notAfter: signer.notAfter,
    nextUpdate: response.basic.responses[0]?.nextUpdate,
  };
}

/** How many private keys the OCSP token holds, as opensc counts them. */
async function keysInToken(): Promise<number> {
  const { hierarchy, environment } = service;
  const args = ['--module', hierarchy.module, '--token-label', 'igc-sante-ocsp', '--list-objects', '--type', 'privkey'];
  const login = ['--login', '--pin', readFileSync(hierarchy.pinFiles.ocsp, 'utf8').trim()];
  const { said } = await ask('pkcs11-tool', service.directory, [...args, ...login], {
    SOFTHSM2_CONF: environment.SOFTHSM2_CONF ?? '',
  });
  return said.match(/Private Key Object/g)?.length ?? 0;
}

it('each intermediate gets one, of thirty days at most, and no second one while enough is left', async () => {
  expect(await renewOcspResponders(worker)).toHaveLength(INTERMEDIATES);
  const rows = await listAllResponders(worker.db.read, worker.clock());
  expect(new Set(rows.map(({ issuer }) => issuer)).size).toBe(INTERMEDIATES);
  for (const { notBefore, notAfter } of rows)
    expect(notAfter.getTime() - notBefore.getTime()).toBeLessThanOrEqual(30 * DAY);
  day(19);
  expect(await renewOcspResponders(worker)).toEqual([]);
  expect(await keysInToken()).toBe(INTERMEDIATES);
});

it('a new one takes over while the old one is still valid, with a key of its own', async () => {
  day(19.5);
  const old = await answer();
  day(21);
  expect(await renewOcspResponders(worker)).toHaveLength(INTERMEDIATES);
  const now = await answer();
  expect(now.serial).not.toBe(old.serial);
  expect(old.notAfter.getTime()).toBeGreaterThan(worker.clock().getTime() + 8 * DAY);
  expect(await keysInToken()).toBe(2 * INTERMEDIATES);
  // both are valid: nothing is destroyed, and nothing more is made
  expect(await destroyEndedResponders(worker)).toBe(0);
  expect(await renewOcspResponders(worker)).toEqual([]);
});

it('the keys of ended ones are destroyed, and the others go on', async () => {
  day(30.5);
  expect(await destroyEndedResponders(worker)).toBe(INTERMEDIATES);
  expect(await keysInToken()).toBe(INTERMEDIATES);
  expect((await answer()).notAfter.getTime()).toBeGreaterThan(worker.clock().getTime());
  expect(await destroyEndedResponders(worker)).toBe(0);
});

it('a key that nobody certified is destroyed after ten minutes, and no other', async () => {
  let minutes = 0;
  const sweep = createKeySweep(() => minutes * 60_000);
  const { keyId } = await worker.ocsp.generateKey({ type: 'rsa', bits: 2048 });
  expect(await sweep(worker)).toBe(0);
  minutes = 9;
  expect(await sweep(worker)).toBe(0);
  expect(await worker.ocsp.listKeys()).toContainEqual(keyId);
  minutes = 10;
  expect(await sweep(worker)).toBe(1);
  expect(await worker.ocsp.listKeys()).not.toContainEqual(keyId);
  expect(await keysInToken()).toBe(INTERMEDIATES);
  const { rows } = await worker.db.read.execute<{ subject_id: string }>(
    `select subject_id from audit_event where kind = 'ocsp_key_forsaken'`,
  );
  expect(rows).toEqual([{ subject_id: Buffer.from(keyId).toString('hex') }]);
});

it('no answer says that it is good beyond the certificate that signs it', async () => {
  const { notAfter } = await answer();
  service.clock.moveTo(new Date(notAfter.getTime() - 10 * 60_000));
  expect((await answer()).nextUpdate).toEqual(notAfter);
});

it('once all have ended there is no answer but tryLater, until new ones are made', async () => {
  const { notAfter } = await answer();
  service.clock.moveTo(new Date(notAfter.getTime() + 60_000));
  await expect(answer()).rejects.toThrow();
  expect(await renewOcspResponders(worker)).toHaveLength(INTERMEDIATES);
  expect((await answer()).nextUpdate?.getTime()).toBeGreaterThan(worker.clock().getTime());
});

it('one that would live into 2031 has a key of 3072 bits', async () => {
  service.clock.moveTo(new Date('2030-12-10T00:00:00.000Z'));
  expect(await renewOcspResponders(worker)).toHaveLength(INTERMEDIATES);
  const rows = await listAllResponders(worker.db.read, worker.clock());
  const keys = rows.map(({ der }) => keyAlgorithmOf(parseCertificate(der ?? new Uint8Array()).spki));
  expect(keys).toEqual(Array(INTERMEDIATES).fill({ type: 'rsa', bits: 3072 }));
  expect((await answer()).notAfter.getUTCFullYear()).toBe(2031);
});
