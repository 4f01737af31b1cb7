import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outage } from '../../src/errors.ts';
import { buildPublic } from '../../src/http/public/server.ts';
import type { OcspAnswer } from '../../src/http/use-cases.ts';
import { DerError } from '../../src/x509/der.ts';
import { publicUseCases, withServer } from './fake-use-cases.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const ANSWER: OcspAnswer = {
  der: Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x00),
  cache: { thisUpdate: NOW, nextUpdate: new Date('2026-11-21T13:00:00Z'), maxAgeSeconds: 60 },
};
const UNCACHED: OcspAnswer = { der: ANSWER.der };

const publicRole = (respondOcsp: (der: Uint8Array) => Promise<OcspAnswer>) =>
  buildPublic(publicUseCases({ respondOcsp }), { clock: () => NOW });

/** Sends one request; answers the response and the OCSP requests that reached the use case. */
async function ask(request: InjectOptions | string, answer: () => Promise<OcspAnswer> = async () => ANSWER) {
  const requests: string[] = [];
  const app = publicRole((der) => {
    requests.push(Buffer.from(der).toString('hex'));
    return answer();
  });
  const response = await withServer(app, () => app.inject(request));
  return { response, requests };
}

const post = (payload: Buffer, type = 'application/ocsp-request', answer?: () => Promise<OcspAnswer>) =>
  ask({ method: 'POST', url: '/', payload, headers: { 'content-type': type } }, answer);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'igc-ocsp-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What openssl says of a response that is an error. */
function statusOf(der: Buffer): string {
  const file = join(directory, 'response.der');
  writeFileSync(file, der);
  const { stdout, stderr } = spawnSync('openssl', ['ocsp', '-respin', file, '-noverify', '-resp_text'], {
    encoding: 'utf8',
  });
  return stdout + stderr;
}

/** DER whose base64 has `+`, `/`, `//` and the wanted padding; the door does not look inside. */
const requestWithPadding = (padding: 0 | 1 | 2): Buffer =>
  Buffer.concat([Buffer.from('3082fffffbeffbefbeffff', 'hex'), Buffer.alloc([1, 0, 2][padding] ?? 0, 0xff)]);

describe('OCSP by POST', () => {
  it('hands the body on and answers application/ocsp-response that no cache keeps', async () => {
    const { response, requests } = await post(Buffer.from('300102', 'hex'));
    expect(requests).toEqual(['300102']);
    expect([response.statusCode, response.headers['content-type'], response.headers['cache-control']]).toEqual([
      200,
      'application/ocsp-response',
      'no-store',
    ]);
    expect(response.rawPayload).toEqual(Buffer.from(ANSWER.der));
  });

  it.each(['text/plain', 'application/json', 'application/ocsp-response', 'application/x-www-form-urlencoded'])(
    'as %s is 415',
    async (type) => {
      const { response, requests } = await post(Buffer.from('300102', 'hex'), type);
      expect([response.statusCode, requests]).toEqual([415, []]);
    },
  );

  it('without a body or a content type is 415', async () => {
    expect((await ask({ method: 'POST', url: '/' })).response.statusCode).toBe(415);
    expect((await ask({ method: 'POST', url: '/', payload: Buffer.from('3000', 'hex') })).response.statusCode).toBe(
      415,
    );
  });

  it('of more than 10 KiB is 413', async () => {
    const { response, requests } = await post(Buffer.alloc(10 * 1024 + 1));
    expect([response.statusCode, requests]).toEqual([413, []]);
    expect((await post(Buffer.alloc(10 * 1024))).response.statusCode).toBe(200);
  });

  it('to another path is 404', async () => {
    expect(
      (
        await ask({
          method: 'POST',
          url: '/CRL/x.crl',
          payload: Buffer.alloc(3),
          headers: { 'content-type': 'application/ocsp-request' },
        })
      ).response.statusCode,
    ).toBe(404);
  });
});

describe('OCSP by GET', () => {
  for (const padding of [0, 1, 2] as const) {
    const der = requestWithPadding(padding);
    const base64 = der.toString('base64');
    it.each([
      ['escaped as the RFC says', `/${encodeURIComponent(base64)}`],
      ['escaped in lower case', `/${encodeURIComponent(base64).replace(/%../g, (code) => code.toLowerCase())}`],
      ['raw', `/${base64}`],
      ['raw without padding', `/${base64.replace(/=+$/, '')}`],
      ['with only the plus escaped', `/${base64.replaceAll('+', '%2B')}`],
      ['with only the slash escaped', `/${base64.replaceAll('/', '%2F')}`],
      ['escaped throughout', `/${[...base64].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('')}`],
      ['after a doubled slash', `//${encodeURIComponent(base64)}`],
      ['with a query', `/${encodeURIComponent(base64)}?x=1`],
    ])(`with ${padding} padding characters: %s`, async (_, url) => {
      const { response, requests } = await ask(url);
      expect(requests).toEqual([der.toString('hex')]);
      expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/ocsp-response']);
    });
  }

  it('reaches the use case with base64 that holds both + and /', () => {
    expect(requestWithPadding(0).toString('base64')).toMatch(/\+.*\/|\/.*\+/);
  });

  it('is the same over a socket, where paths are not cleaned up, and in absolute form', async () => {
    const der = requestWithPadding(1);
    const requests: string[] = [];
    const app = publicRole(async (request) => {
      requests.push(Buffer.from(request).toString('hex'));
      return ANSWER;
    });
    await withServer(app, async () => {
      await app.listen({ port: 0, host: '127.0.0.1' });
      const { port } = app.server.address() as AddressInfo;
      for (const path of [
        `/${der.toString('base64')}`,
        `http://ocsp.demo.igc-sante.fr/${encodeURIComponent(der.toString('base64'))}`,
      ]) {
        await new Promise<void>((resolve, reject) => {
          get({ host: '127.0.0.1', port, path, agent: false }, (response) => response.resume().on('end', resolve)).on(
            'error',
            reject,
          );
        });
      }
    });
    expect(requests).toEqual([der.toString('hex'), der.toString('hex')]);
  });

  it('carries the caching headers of RFC 5019 when the answer may be kept', async () => {
    const { response } = await ask(`/${requestWithPadding(0).toString('base64')}`);
    const etag = `"${createHash('sha256').update(ANSWER.der).digest('hex')}"`;
    expect(response.headers).toMatchObject({
      'cache-control': 'public, max-age=60, no-transform, must-revalidate',
      'last-modified': 'Sat, 21 Nov 2026 12:00:00 GMT',
      expires: 'Sat, 21 Nov 2026 13:00:00 GMT',
      etag,
    });
    const again = await ask({
      url: `/${requestWithPadding(0).toString('base64')}`,
      headers: { 'if-none-match': etag },
    });
    expect(again.response.statusCode).toBe(304);
  });

  it('is not kept when the use case says nothing of caches', async () => {
    const { response } = await ask(`/${requestWithPadding(0).toString('base64')}`, async () => UNCACHED);
    expect(response.headers['cache-control']).toBe('no-store');
    for (const header of ['etag', 'expires', 'last-modified']) expect(response.headers).not.toHaveProperty(header);
  });

  it('answers HEAD', async () => {
    const { response } = await ask({ method: 'HEAD', url: `/${requestWithPadding(0).toString('base64')}` });
    expect([response.statusCode, response.body]).toEqual([200, '']);
  });

  it.each([
    ['with a length that no base64 has', '/MAAAA'],
    ['beyond 2 KiB', `/${'MIAA'.repeat(600)}`],
  ])('%s is malformedRequest and reaches nobody', async (_, url) => {
    const { response, requests } = await ask(url);
    expect([response.statusCode, requests, response.headers['cache-control']]).toEqual([200, [], 'no-store']);
    expect(statusOf(response.rawPayload)).toContain('malformedrequest');
  });

  it.each(['/AAAA', '/index.html', '/MA!A', '/MA==AA', '/MA-_', '/M A'.replace(' ', '%20')])(
    '%s is no OCSP request but a path that is not found',
    async (url) => {
      const { response, requests } = await ask(url);
      expect([response.statusCode, requests]).toEqual([404, []]);
    },
  );
});

describe('faults behind OCSP are OCSP errors, never HTTP errors', () => {
  it.each([
    ['a request that is not DER', new DerError('no', 0), 'malformedrequest'],
    ['an outage', new Outage('hsm', 'gone'), 'trylater'],
    ['a bug', new TypeError('no'), 'internalerror'],
  ])('%s', async (_, error, status) => {
    for (const { response } of [
      await post(Buffer.from('3000', 'hex'), undefined, () => Promise.reject(error)),
      await ask(`/${requestWithPadding(0).toString('base64')}`, () => Promise.reject(error)),
    ]) {
      expect([response.statusCode, response.headers['content-type'], response.headers['cache-control']]).toEqual([
        200,
        'application/ocsp-response',
        'no-store',
      ]);
      expect(statusOf(response.rawPayload)).toContain(status);
    }
  });
});
