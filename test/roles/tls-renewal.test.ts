// The API's TLS certificate is renewed while the api role runs: the same process, an open request gets its answer, and a pair of
// files that is no pair changes nothing.

import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { System } from '../../src/system.ts';
import { type ApiClient, createApiClient } from '../helpers/api-client.ts';
import {
  DURAND,
  HOSPITAL,
  issueCard,
  makeAdministrator,
  recordStructures,
  writeApiCertificate,
} from '../helpers/cast.ts';
import { newOrder } from '../helpers/faults.ts';
import { prepareService, type RunningRole, type Service, until, untilReady } from '../helpers/service.ts';

let service: Service;
let operator: System;
let signer: RunningRole;
let role: RunningRole;
let api: ApiClient;
let keyFile: string;
let certificateFile: string;

beforeAll(async () => {
  // the request under way waits longer than a renewal takes
  service = await prepareService({ environment: { SIGNING_DEADLINE_MS: '20000' } });
  keyFile = service.environment.API_TLS_KEY_FILE ?? '';
  certificateFile = service.environment.API_TLS_CERTIFICATE_FILE ?? '';
  signer = service.start('signer issuing');
  operator = await service.open('operator');
  await untilReady(operator.issuing);
  await recordStructures(operator);
  await writeApiCertificate(operator, service);
  await makeAdministrator(operator, DURAND, [HOSPITAL]);
  api = createApiClient(service, await issueCard(operator, DURAND));
  role = service.start('api');
  await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
});

afterAll(() => service?.stop());

/** The serial that a new handshake shows. */
function shownSerial(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port: service.apiPort, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    }).on('error', reject);
  });
}
const linesWith = (words: string): number => role.log().split(words).length - 1;
const TAKEN = 'a renewed TLS certificate is shown';
const REFUSED = 'changed TLS files are refused';

describe('new files', { timeout: 60_000 }, () => {
  it('are shown by the same process; the request under way gets its answer, an open connection goes on', async () => {
    const before = await shownSerial();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await api.call('GET', '/v1/profiles', { agent })).statusCode).toBe(200);
    await writeApiCertificate(operator, service);
    signer.signal('SIGSTOP');
    const answer = api.order(newOrder().order);
    await until(async () => (await shownSerial()) !== before);
    signer.signal('SIGCONT');
    expect((await answer).statusCode).toBe(201);
    expect((await api.call('GET', '/v1/profiles', { agent })).statusCode).toBe(200);
    agent.destroy();
    expect(linesWith(TAKEN)).toBe(1);
    expect(await Promise.race([role.ended, 'still running'])).toBe('still running');
    // and clients that check the chain still trust it
    expect((await api.call('GET', '/readyz')).statusCode).toBe(200);
  });

  it.each([
    ['a key that is not for the certificate', 'the certificate is not for the key', () => undefined],
    [
      'half a certificate',
      'it is no certificate in PEM',
      () => writeFileSync(certificateFile, readFileSync(certificateFile).subarray(0, -200)),
    ],
    ['nothing', 'the files cannot be read', () => renameSync(certificateFile, `${certificateFile}.away`)],
  ])('with %s are refused with a line, once, and the old ones go on', async (_, reason, spoil) => {
    const [before, refused] = [await shownSerial(), linesWith(REFUSED)];
    const kept = [keyFile, certificateFile].map((file) => [file, `${file}.kept`] as const);
    for (const [file, copy] of kept) copyFileSync(file, copy);
    await writeApiCertificate(operator, service);
    copyFileSync(`${keyFile}.kept`, keyFile);
    spoil();
    await until(() => linesWith(REFUSED) > refused);
    expect(role.log()).toContain(reason);
    expect(await shownSerial()).toBe(before);
    for (const [file, copy] of kept) copyFileSync(copy, file);
    await writeApiCertificate(operator, service);
    await until(async () => (await shownSerial()) !== before);
    expect(linesWith(REFUSED)).toBe(refused + 1);
  });
});
