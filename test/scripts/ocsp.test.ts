import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renewOcspResponders } from '../../src/ca/renew-responders.ts';
import { ocspErrorResponse } from '../../src/x509/ocsp.ts';
import { prepareService, type Service, until, untilListening, untilReady } from '../helpers/service.ts';
import { type Ran, runHere } from './run-igc.ts';

const ANS = '318751275100020';

let service: Service;
let serial: string;
let pem: string;
const igc = (...args: string[]): Promise<Ran> => runHere(service.environment, ...args, '--json');

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  service.start('signer ocsp');
  const system = await service.open('worker');
  await untilReady(system.issuing);
  await untilReady(system.ocsp);
  await renewOcspResponders(system);
  service.start('public');
  await igc('structure', 'add', '--id', ANS, '--name', 'AGENCE DU NUMERIQUE EN SANTE', '--department', '75');
  pem = join(service.directory, 'api.pem');
  const keys = ['--new-key', join(service.directory, 'new.key'), '--key-type', 'p-256', '--out', pem];
  const order = ['certificate', 'issue', 'serv-ssl', '--structure', ANS, '--dns', 'api.demo.igc-sante.fr'];
  const [issued] = (await igc(...order, ...keys)).json();
  serial = String(issued?.serial);
  await untilListening(`http://127.0.0.1:${service.publicPort}`);
}, 300_000);
afterAll(() => service.stop());

describe('igc ocsp status', () => {
  test('a certificate is good, by its serial and by its file, and its answer is verified', async () => {
    for (const name of [serial, serial.toUpperCase().replace(/..(?=.)/g, '$&:'), pem]) {
      const { code, json } = await igc('ocsp', 'status', name);
      expect(json()).toMatchObject([
        { status: 'good', serial, issuer: 'ACI-EL-ORG-TEST', verified: true, findings: [] },
      ]);
      expect(code).toBe(0);
    }
  });

  test('a serial that was never issued is unknown; without its authority nobody can be asked', async () => {
    const { code, json } = await igc('ocsp', 'status', '1122334455667788', '--issuer', 'ACI-EL-ORG-TEST');
    expect([code, json()[0]?.status, json()[0]?.nextUpdate]).toEqual([0, 'unknown', null]);
    expect((await igc('ocsp', 'status', '1122334455667788')).code).toBe(4);
    expect((await igc('ocsp', 'status', '1122334455667788', '--issuer', 'ACI-XX')).code).toBe(4);
  });

  test('a revoked one is revoked, with its date and the reason recorded here', async () => {
    await igc('certificate', 'revoke', serial, '--reason', 'superseded');
    await until(async () => (await igc('ocsp', 'status', serial)).json()[0]?.status === 'revoked');
    const { code, json } = await igc('ocsp', 'status', serial);
    expect(code).toBe(0);
    expect(json()).toMatchObject([{ reason: 'superseded', revokedAt: expect.stringMatching(/Z$/), verified: true }]);
  });

  test('a responder that is away ends with 69', async () => {
    expect((await igc('ocsp', 'status', serial, '--url', 'http://127.0.0.1:1/')).code).toBe(69);
  });
});

describe('an answer of somebody else', () => {
  let answer: Uint8Array;
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((_, response) => response.end(answer));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => server.close());

  test.each<[string, Uint8Array, number, string | null]>([
    ['tryLater', ocspErrorResponse('tryLater'), 69, 'tryLater'],
    ['unauthorized', ocspErrorResponse('unauthorized'), 5, 'unauthorized'],
    ['a page of a portal', Buffer.from('<html>'), 5, null],
  ])('%s is no status', async (_, body, code, status) => {
    answer = body;
    const ran = await igc('ocsp', 'status', serial, '--url', url);
    expect([ran.code, ran.json()[0]?.status]).toEqual([code, status]);
  });

  test('an old answer that is played again is found out by its nonce', async () => {
    const request = { method: 'POST', headers: { 'content-type': 'application/ocsp-request' } };
    let asked: Uint8Array = new Uint8Array();
    const spy = createServer((incoming, response) => {
      incoming.on('data', (part: Buffer) => {
        asked = part;
      });
      incoming.on('end', () => response.end(ocspErrorResponse('tryLater')));
    });
    await new Promise<void>((resolve) => spy.listen(0, '127.0.0.1', resolve));
    await igc('ocsp', 'status', serial, '--url', `http://127.0.0.1:${(spy.address() as AddressInfo).port}/`);
    spy.close();
    const real = await fetch(`http://127.0.0.1:${service.publicPort}/`, { ...request, body: Buffer.from(asked) });
    answer = new Uint8Array(await real.arrayBuffer());
    const replayed = await igc('ocsp', 'status', serial, '--url', url);
    expect(replayed.code).toBe(5);
    expect(replayed.json()[0]?.findings).toMatchObject([{ detail: 'the nonce is not ours' }]);
  });
});

test('igc ocsp responders has one for every intermediate, and how long it still may answer', async () => {
  const rows = (await igc('ocsp', 'responders')).json();
  expect(rows).toHaveLength(6);
  for (const row of rows) {
    expect(row).toMatchObject({
      issuer: expect.stringMatching(/^ACI-/),
      keyId: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect([29, 30]).toContain(row.daysLeft);
  }
});
