import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Outage, Refusal } from '../../src/errors.ts';
import type { HttpLog } from '../../src/http/http-log.ts';
import { buildPublic } from '../../src/http/public/server.ts';
import { buildApi } from '../../src/http/server.ts';
import { ask, expectInContract, publicUseCases, useCases, VIEW, withServer } from './fake-use-cases.ts';

const url = `/v1/certificates/${VIEW.id}`;
const failWith = (error: unknown) => ({ findCertificate: () => Promise.reject(error) });

type Line = { level: string; message: string } & Record<string, unknown>;

function memoryLog(): HttpLog & { lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (facts: object, message: string) => void lines.push({ ...facts, level, message });
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}

describe('a problem document', () => {
  it('is French by default and English when that is preferred', async () => {
    const french = await ask('/nowhere');
    const english = await ask({ url: '/nowhere', headers: { 'accept-language': 'en-GB,en;q=0.9' } });
    expect([french.headers['content-language'], french.json().title]).toEqual(['fr', 'Introuvable']);
    expect([english.headers['content-language'], english.json().title]).toEqual(['en', 'Not found']);
    expect(french.headers['content-type']).toBe('application/problem+json');
  });

  it('carries an identifier of ours, not one that the caller sent', async () => {
    const sent = '01890a5d-ac96-774b-bcce-b302099a8057';
    const headers = { 'x-request-id': sent, 'request-id': sent };
    const [first, second] = [await ask({ url: '/nowhere', headers }), await ask({ url: '/nowhere', headers })];
    expect(first.json().instance).toMatch(/^urn:uuid:[0-9a-f-]{14}7[0-9a-f-]{21}$/);
    expect(first.json().instance).not.toContain(sent);
    expect(first.json().instance).not.toBe(second.json().instance);
  });

  it.each([
    ['a bug', new TypeError('cannot read CN=Marie Dupont of undefined')],
    ['a thrown string', 'CN=Marie Dupont'],
    ['a database error with values in it', Object.assign(new Error('insert CN=Marie Dupont'), { code: '23505' })],
    [
      'a refusal that only an operator can mend',
      new Refusal('signer_refused', 'CN=Marie Dupont', [{ rule: 'r', detail: 'CN=Marie Dupont' }]),
    ],
    ['a failed lint', new Refusal('lint_failed', 'CN=Marie Dupont')],
  ])(
    'for %s shows an incident identifier and nothing else, and the log has it without the message',
    async (_, error) => {
      const log = memoryLog();
      const response = await withServer(buildApi(useCases(failWith(error)), { logger: log }), (app) => app.inject(url));
      expect([response.statusCode, response.json().code, response.json().findings]).toEqual([
        500,
        'internal_error',
        [],
      ]);
      expect(response.body).not.toMatch(/Dupont|TypeError|23505|signer|lint/);
      expectInContract('findCertificate', response);
      const incident = log.lines.find(({ message }) => message === 'incident');
      expect(`urn:uuid:${incident?.incident}`).toBe(response.json().instance);
      expect(JSON.stringify(log.lines)).not.toContain('Dupont');
    },
  );

  it('for an outage of any part is 503 with Retry-After, and the log names the part', async () => {
    for (const what of ['hsm', 'database', 'directory', 'mail'] as const) {
      const log = memoryLog();
      const response = await withServer(
        buildApi(useCases(failWith(new Outage(what, 'gone'))), { logger: log }),
        (app) => app.inject(url),
      );
      expect([response.statusCode, response.headers['retry-after'], response.json().code]).toEqual([
        503,
        '10',
        'service_unavailable',
      ]);
      expect(log.lines.find(({ message }) => message === 'outage')).toMatchObject({ level: 'warn', what });
    }
  });

  it('for an outage while the caller is looked up is 503 too, never 401', async () => {
    const response = await ask(url, { findActor: () => Promise.reject(new Outage('database', 'gone')) });
    expect(response.statusCode).toBe(503);
  });

  it.each([
    ['a path that cannot be decoded', '/v1/certificates/%zz', 400],
    ['an identifier that is too long', `/v1/certificates/${'a'.repeat(101)}`, 414],
    ['a page of the documentation that is not there', '/docs/static/nothing.js', 404],
    ['a way out of the documentation', '/docs/static/..%2f..%2fpackage.json', 404],
  ])('for %s', async (_, path, status) => {
    const response = await ask(path);
    expect([response.statusCode, response.headers['content-type']]).toEqual([status, 'application/problem+json']);
  });

  it('of each kind is explained where its type points', async () => {
    const problem = (await ask('/nowhere')).json();
    const response = await ask(problem.type);
    expect(response.json()).toMatchObject({
      code: problem.code,
      status: 404,
      fr: { title: 'Introuvable' },
      en: { title: 'Not found' },
    });
    expectInContract('findProblemType', response);
    expectInContract('findProblemType', await ask('/problems/toString'));
  });
});

describe('the log', () => {
  it('has one line per request with its operation, and neither its URL nor its body', async () => {
    const log = memoryLog();
    await withServer(buildApi(useCases(), { logger: log }), (app) =>
      app.inject({
        method: 'POST',
        url: '/v1/certificates?profile=serv-ssl&structure=10B0000001',
        payload: 'secret',
        headers: { 'content-type': 'application/pkcs10' },
      }),
    );
    expect(log.lines).toMatchObject([
      { level: 'info', message: 'request', method: 'POST', operation: 'orderCertificate', status: 201 },
    ]);
    expect(JSON.stringify(log.lines)).not.toMatch(/10B0000001|secret/);
  });
});

describe('every answer of the API', () => {
  it('says that it is not to be stored, sniffed or framed', async () => {
    for (const path of [url, '/v1/profiles', '/livez', '/nowhere']) {
      expect((await ask(path)).headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'strict-transport-security': expect.stringMatching(/^max-age=\d+/),
      });
      expect((await ask(path)).headers).not.toHaveProperty('server');
    }
  });
});

describe('what is not HTTP', () => {
  const raw = (port: number, text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });

  it.each([
    ['garbage', 'garbage\r\n\r\n', '400', 'request_malformed'],
    [
      'headers beyond the limit',
      `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      '431',
      'header_too_large',
    ],
    [
      'two lengths of one body',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
      'request_malformed',
    ],
  ])('%s is answered with a problem and the connection ends', async (_, text, status, code) => {
    const app = buildPublic(publicUseCases());
    await withServer(app, async () => {
      await app.listen({ port: 0, host: '127.0.0.1' });
      const answer = await raw((app.server.address() as AddressInfo).port, text);
      expect(answer.split(' ')[1]).toBe(status);
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code });
    });
  });
});
