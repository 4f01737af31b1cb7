// OCSP responders are renewed while the public role runs: the same process answers with the new one, and every answer on the way is
// signed by one or the other.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAllResponders } from '#db/responders.ts';
import { renewOcspResponders } from '../../src/ca/renew-responders.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { sequence } from '../../src/x509/der-writer.ts';
import { certIdFor } from '../../src/x509/ocsp.ts';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { fetchPublic } from '../helpers/api-client.ts';
import {
  prepareService,
  type RunningRole,
  type Service,
  until,
  untilListening,
  untilReady,
} from '../helpers/service.ts';

const ISSUER = 'ACI-EL-ORG-TEST';
const INTERMEDIATES = 6;

let service: Service;
let worker: System;
let role: RunningRole;

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  service.start('signer ocsp');
  worker = await service.open('worker');
  await untilReady(worker.issuing);
  await untilReady(worker.ocsp);
  expect(await renewOcspResponders(worker)).toHaveLength(INTERMEDIATES);
  role = service.start('public');
  await untilListening(`http://127.0.0.1:${service.publicPort}`);
});

afterAll(() => service?.stop());

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** Serials of the responders of ISSUER, the one that lasts longest first. */
async function responders(): Promise<readonly Uint8Array[]> {
  const rows = await listAllResponders(worker.db.read, new Date());
  return rows.filter(({ issuer }) => issuer === ISSUER).map(({ der }) => parseCertificate(der).serial);
}

/** The serial of the responder that signs the answer about this certificate now. */
async function signerOfAnswer(serial: Uint8Array): Promise<string> {
  const authority = worker.authorities.get(ISSUER)?.certificate;
  if (authority === undefined) throw new Error(`no ${ISSUER}`);
  const body = sequence(sequence(sequence(sequence(certIdFor(authority.subject, authority.spki, serial)))));
  const type = 'application/ocsp-request';
  const response = parseOcspResponse((await fetchPublic(service, 'http://ocsp/', { type, body })).body);
  if (response.status !== 'successful') throw new Error(response.status);
  return hex(parseCertificate(response.basic.certificates[0] ?? new Uint8Array()).serial);
}

it('the running process takes the new responder within seconds, and never answers without one', {
  timeout: 60_000,
}, async () => {
  const [first = new Uint8Array()] = await responders();
  expect(await signerOfAnswer(first)).toBe(hex(first));
  // twenty days later, as far as the worker can see
  await worker.db.read.execute(`update ocsp_responder set not_after = now() + interval '5 days'`);
  expect(await renewOcspResponders(worker)).toHaveLength(INTERMEDIATES);
  const renewed = (await responders()).map(hex).find((serial) => serial !== hex(first));
  const signers = new Set<string>();
  await until(async () => {
    const signer = await signerOfAnswer(first);
    signers.add(signer);
    return signer === renewed;
  });
  expect([...signers].filter((serial) => serial !== hex(first))).toEqual([renewed]);
  expect(await Promise.race([role.ended, 'still running'])).toBe('still running');
});
