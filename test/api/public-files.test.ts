import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { describe, expect, it } from 'vitest';
import { Outage } from '../../src/errors.ts';
import { buildPublic } from '../../src/http/public/server.ts';
import type { AuthorityFile, PublicUseCases, PublishedCrl } from '../../src/http/use-cases.ts';
import { publicUseCases, withServer } from './fake-use-cases.ts';

const NOW = new Date('2026-11-21T12:00:00.500Z');

const CRL: PublishedCrl = {
  der: Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x07),
  number: 7n,
  thisUpdate: new Date('2026-11-21T06:00:00Z'),
  nextUpdate: new Date('2026-11-27T06:00:00Z'),
  etag: '"c7"',
};
const CERTIFICATE: AuthorityFile = {
  der: Uint8Array.of(0x30, 0x00),
  contentType: 'application/pkix-cert',
  etag: '"a1"',
};
const CHAIN: AuthorityFile = {
  der: Uint8Array.of(0x30, 0x01, 0x00),
  contentType: 'application/pkcs7-mime; smime-type=certs-only',
  etag: '"b1"',
};
const FILES = new Map([
  ['/AC TEST/ACI-EL-ORG-TEST.cer', CERTIFICATE],
  ['/AC TEST/Chaine_de_certification-IGC-Sante-TEST.p7b', CHAIN],
]);

type Asking = {
  method?: 'GET' | 'HEAD' | 'POST';
  headers?: Record<string, string>;
  crl?: PublishedCrl;
  overrides?: Partial<PublicUseCases>;
};

function publicRole(crl = CRL, overrides: Partial<PublicUseCases> = {}): FastifyInstance {
  const useCases = publicUseCases({
    respondOcsp: () => Promise.reject(new Error('asked for OCSP')),
    findCrl: async (path) => (path === '/CRL/ACI-EL-ORG-TEST.crl' ? crl : undefined),
    findAuthorityFile: (path) => FILES.get(path),
    ...overrides,
  });
  return buildPublic(useCases, { clock: () => NOW });
}

const ask = (
  url: string,
  { method = 'GET', headers = {}, crl, overrides }: Asking = {},
): Promise<LightMyRequestResponse> =>
  withServer(publicRole(crl, overrides), (app) => app.inject({ url, method, headers }));

const CRL_URL = '/CRL/ACI-EL-ORG-TEST.crl';

describe('a CRL', () => {
  it('comes whole, with validators and a freshness of at most one hour', async () => {
    const response = await ask(CRL_URL);
    expect(response.statusCode).toBe(200);
    expect(response.rawPayload).toEqual(Buffer.from(CRL.der));
    expect(response.headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      'content-length': '5',
      etag: '"c7"',
      'last-modified': 'Sat, 21 Nov 2026 06:00:00 GMT',
      'cache-control': 'public, max-age=3600, no-transform',
      expires: 'Sat, 21 Nov 2026 13:00:00 GMT',
    });
    expect(response.headers).not.toHaveProperty('server');
  });

  it.each([
    ['that ends in ten minutes', new Date('2026-11-21T12:10:00.500Z'), 600],
    ['that has ended', new Date('2026-11-20T00:00:00Z'), 0],
  ])('%s stays in caches no longer', async (_, nextUpdate, seconds) => {
    const response = await ask(CRL_URL, { crl: { ...CRL, nextUpdate } });
    expect(response.headers['cache-control']).toBe(`public, max-age=${seconds}, no-transform`);
  });

  it.each([
    ['the same tag', { 'if-none-match': '"c7"' }],
    ['the same tag in its weak form', { 'if-none-match': 'W/"c7"' }],
    ['the same tag among others', { 'if-none-match': '"x", "c7"' }],
    ['any tag', { 'if-none-match': '*' }],
    ['a copy of the same moment', { 'if-modified-since': 'Sat, 21 Nov 2026 06:00:00 GMT' }],
    ['a later copy', { 'if-modified-since': 'Sat, 21 Nov 2026 07:00:00 GMT' }],
  ])('is not sent again to who has %s', async (_, headers) => {
    const response = await ask(CRL_URL, { headers });
    expect([response.statusCode, response.body, response.headers.etag]).toEqual([304, '', '"c7"']);
    expect(response.headers['cache-control']).toContain('max-age=3600');
  });

  it.each([
    ['another tag', { 'if-none-match': '"c6"' }],
    [
      'another tag, though a later date',
      { 'if-none-match': '"c6"', 'if-modified-since': 'Sun, 22 Nov 2026 06:00:00 GMT' },
    ],
    ['an older copy', { 'if-modified-since': 'Fri, 20 Nov 2026 06:00:00 GMT' }],
    ['a date that is none', { 'if-modified-since': 'yesterday' }],
  ])('is sent to who has %s', async (_, headers) => {
    expect((await ask(CRL_URL, { headers })).statusCode).toBe(200);
  });

  it('answers HEAD with the same headers and no body', async () => {
    const [head, full] = [await ask(CRL_URL, { method: 'HEAD' }), await ask(CRL_URL)];
    expect(head.body).toBe('');
    expect({ ...head.headers, date: '' }).toEqual({ ...full.headers, date: '' });
  });

  it('that cannot be read for now is 503, and nothing keeps that answer', async () => {
    const response = await ask(CRL_URL, {
      overrides: { findCrl: () => Promise.reject(new Outage('database', 'gone')) },
    });
    expect([response.statusCode, response.headers['cache-control']]).toEqual([503, 'no-store']);
  });
});

describe('the certificates of the authorities', () => {
  it.each([
    ['/AC%20TEST/ACI-EL-ORG-TEST.cer', CERTIFICATE],
    ['/AC%20TEST/ACI-EL-ORG-TEST.cer?x=1', CERTIFICATE],
    ['/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b', CHAIN],
  ])('%s is served under the URL that certificates carry', async (url, file) => {
    const response = await ask(url);
    expect([response.statusCode, response.headers['content-type'], response.headers.etag]).toEqual([
      200,
      file.contentType,
      file.etag,
    ]);
    expect(response.rawPayload).toEqual(Buffer.from(file.der));
    expect(response.headers['cache-control']).toMatch(/^public, max-age=\d+/);
  });

  it('is not sent again to who has it', async () => {
    expect((await ask('/AC%20TEST/ACI-EL-ORG-TEST.cer', { headers: { 'if-none-match': '"a1"' } })).statusCode).toBe(
      304,
    );
  });
});

describe('every other path is 404', () => {
  it.each([
    '/',
    '/CRL/',
    '/CRL/ACI-XX-TEST.crl',
    '/crl/ACI-EL-ORG-TEST.crl',
    '/CRL/ACI-EL-ORG-TEST.crl/',
    '/CRL/ACI-EL-ORG-TEST.crl%00',
    '/AC%2520TEST/ACI-EL-ORG-TEST.cer',
    '/AC+TEST/ACI-EL-ORG-TEST.cer',
    '/..%2f..%2f..%2fetc%2fpasswd',
    '/%zz',
    '/%ff%fe',
    '/favicon.ico',
    '/v1/certificates',
  ])('%s', async (url) => {
    const response = await ask(url);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect([400, 404]).toContain(response.statusCode);
    expect(response.headers['cache-control']).toBe('no-store');
  });
});

it.each([
  '/CRL/../CRL/ACI-EL-ORG-TEST.crl',
  '/CRL/%2e%2e/CRL/ACI-EL-ORG-TEST.crl',
  '/CRL/./ACI-EL-ORG-TEST.crl',
  '//CRL/ACI-EL-ORG-TEST.crl',
])('%s, sent as it stands, is not tidied up into a path that exists', async (path) => {
  const app = publicRole();
  const status = await withServer(app, async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, agent: false }, (response) =>
        response.resume().on('end', () => resolve(response.statusCode)),
      ).on('error', reject);
    });
  });
  expect(status).toBe(404);
});

describe('health of the public role', () => {
  it.each([
    [true, 200],
    [false, 503],
  ])('ready %s is %i', async (ready, status) => {
    expect((await ask('/readyz', { overrides: { readiness: async () => ({ ready, checks: [] }) } })).statusCode).toBe(
      status,
    );
    expect((await ask('/livez')).statusCode).toBe(200);
  });
});
