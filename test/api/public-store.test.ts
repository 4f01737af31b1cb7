import { createHash } from 'node:crypto';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, it } from 'vitest';
import { buildPublic } from '../../src/http/public/server.ts';
import type { PublicUseCases, PublishedCrl } from '../../src/http/use-cases.ts';
import type { StoreAnswer, StoreQuestion } from '../../src/store/search.ts';
import { publicUseCases, withServer } from './fake-use-cases.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const ONE = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x07);
const OTHER = Uint8Array.of(0x30, 0x02, 0x0d, 0x0a);
const ID = '0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69';
const CURSOR = 'AZjypF1OfDGbei8dPEtaaQ';
/** The key of the RFC's own example, with a `+` in it (RFC 4387 §2.6). */
const KEY = 'lkxwxB7JCOXKRSUQ1sgoOhrB3+I';
const KEY_OCTETS = '964c70c41ec908e5ca452510d6c8283a1ac1dfe2';
const CRL: PublishedCrl = { der: ONE, number: 7n, thisUpdate: NOW, nextUpdate: new Date('2026-11-27Z'), etag: '"c7"' };

type Seen = { question?: StoreQuestion; after?: string | undefined };

async function ask(
  url: string,
  { answer = { certificates: [ONE] }, seen = {} }: { answer?: StoreAnswer; seen?: Seen } = {},
  overrides: Partial<PublicUseCases> = {},
): Promise<LightMyRequestResponse> {
  const searchCertificates: PublicUseCases['searchCertificates'] = async (question, after) => {
    Object.assign(seen, { question, after });
    return answer;
  };
  const app = buildPublic(publicUseCases({ searchCertificates, ...overrides }), { clock: () => NOW });
  return withServer(app, () => app.inject(url));
}

/** What a search was understood to ask for. */
async function understood(query: string): Promise<StoreQuestion | undefined> {
  const seen: Seen = {};
  await ask(`/certificates/search?${query}`, { seen });
  return seen.question;
}

describe('the certificate store', () => {
  it('answers the one certificate as it is, for caches to keep for five minutes', async () => {
    const response = await ask('/certificates/search?name=www.exemple.fr');
    expect(response.statusCode).toBe(200);
    expect(response.rawPayload).toEqual(Buffer.from(ONE));
    expect(response.headers).toMatchObject({
      'content-type': 'application/pkix-cert',
      'content-length': '5',
      'cache-control': 'public, max-age=300, no-transform',
      expires: 'Sat, 21 Nov 2026 12:05:00 GMT',
      etag: `"${createHash('sha256').update(ONE).digest('hex').slice(0, 32)}"`,
    });
    expect(response.headers).not.toHaveProperty('transfer-encoding');
  });

  it('lets no cache keep what holds a mailbox, whose consent may be withdrawn at any time', async () => {
    const answer = { certificates: [ONE, OTHER], holdsMailbox: true };
    const response = await ask(`/certificates/search?sHash=${encodeURIComponent(KEY)}`, { answer });
    expect([response.statusCode, response.headers['cache-control']]).toEqual([200, 'no-store, no-transform']);
    for (const header of ['etag', 'expires']) expect(response.headers).not.toHaveProperty(header);
  });

  it('answers several as multipart/mixed, each verbatim, and none of them encoded', async () => {
    const response = await ask('/certificates/search?name=x', { answer: { certificates: [ONE, OTHER] } });
    const type = String(response.headers['content-type']);
    const [, boundary = ''] = /^multipart\/mixed; boundary=([a-z0-9-]+)$/.exec(type) ?? [];
    const parts = response.rawPayload.toString('latin1').split(`--${boundary}`);
    expect(parts[0]).toBe('');
    expect(parts.at(-1)).toBe('--\r\n');
    const bodies = parts.slice(1, -1).map((part) => {
      const [head = '', ...rest] = part.split('\r\n\r\n');
      expect(head).toBe('\r\nContent-Type: application/pkix-cert');
      return Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1');
    });
    expect(bodies).toEqual([Buffer.from(ONE), Buffer.from(OTHER)]);
    expect(response.headers['content-length']).toBe(String(response.rawPayload.length));
    expect(response.headers).not.toHaveProperty('content-encoding');
  });

  it('says where the next page is, when there is one', async () => {
    const answer = { certificates: [ONE, OTHER], next: ID };
    const url = `/certificates/search.cgi?iHash=${encodeURIComponent(KEY)}&x-after=AAAAAAAAAAAAAAAAAAAAAA`;
    const response = await ask(url, { answer });
    const next = `/certificates/search.cgi?iHash=${encodeURIComponent(KEY)}&x-after=${CURSOR}`;
    expect(response.headers.link).toBe(`<${next}>; rel="next"`);
    const seen: Seen = {};
    await ask(next, { answer, seen });
    expect(seen.after).toBe(ID);
  });

  it('answers 304 to who has it already, and 404 where there is nothing', async () => {
    const found = await ask('/certificates/search?name=x');
    const app = buildPublic(publicUseCases({ searchCertificates: async () => ({ certificates: [ONE] }) }));
    const again = await withServer(app, () =>
      app.inject({ url: '/certificates/search?name=x', headers: { 'if-none-match': String(found.headers.etag) } }),
    );
    expect(again.statusCode).toBe(304);
    const nothing = await ask('/certificates/search?name=x', { answer: { certificates: [] } });
    expect([nothing.statusCode, nothing.json().code, nothing.headers['cache-control']]).toEqual([
      404,
      'not_found',
      'no-store',
    ]);
  });
});

describe('a query', () => {
  it.each(['certHash', 'iHash', 'iAndSHash', 'sHash', 'sKIDHash'] as const)(
    '%s takes base64 of a SHA-1',
    async (by) => {
      const expected = { by, key: Buffer.from(KEY_OCTETS, 'hex') };
      expect(await understood(`${by}=${encodeURIComponent(KEY)}`)).toEqual(expected);
      // as many clients send it
      expect(await understood(`${by}=${KEY}`)).toEqual(expected);
    },
  );

  it.each([
    ['a host name', 'uri=www.exemple.fr', { by: 'uri', text: 'www.exemple.fr' }],
    ['a mailbox', 'uri=a%40exemple.fr', { by: 'uri', text: 'a@exemple.fr' }],
    ['a mailbox by its older word', 'email=a%40exemple.fr', { by: 'uri', text: 'a@exemple.fr' }],
    ['a name in the form encoding', 'name=H%C3%94PITAL+X', { by: 'name', text: 'HÔPITAL X' }],
    ['what SQL would read', "name='%20or%201=1--", { by: 'name', text: "' or 1=1--" }],
    ['what nobody knows beside it', 'x-y=1&name=x&sort=up', { by: 'name', text: 'x' }],
  ])('takes %s', async (_, query, question) => {
    expect(await understood(query)).toEqual(question);
  });

  it.each([
    ['nothing', ''],
    ['an attribute that does not exist', 'cn=x'],
    ['an attribute in other letters', 'NAME=x'],
    ['two attributes at once', `name=x&sHash=${KEY}`],
    ['one attribute twice', 'name=x&name=y'],
    ['an empty value', 'name='],
    ['a key with padding', `sHash=${KEY}%3D`],
    ['a key in base64url', `sHash=${KEY.replace('+', '-')}`],
    ['a key with a space', `sHash=${KEY.replace('+', '%20')}`],
    ['a key that is too short', `sHash=${KEY.slice(1)}`],
    ['a key whose last character says more than its octets', `sHash=${KEY.slice(0, -1)}J`],
    ['a control character', 'name=a%00b'],
    ['broken percent-encoding', 'name=%zz'],
    ['bytes that are no UTF-8', 'name=%ff'],
    ['a text that is too long', `name=${'a'.repeat(321)}`],
    ['a cursor that is none', 'name=x&x-after=1'],
  ])('with %s is refused', async (_, query) => {
    const response = await ask(`/certificates/search?${query}`);
    expect([response.statusCode, response.json().code]).toEqual([400, 'body_malformed']);
  });
});

describe('whoever would copy the store', () => {
  const exhausted = async (urls: readonly string[]): Promise<number[]> => {
    const app = buildPublic(publicUseCases({ searchCertificates: async () => ({ certificates: [ONE] }) }));
    return withServer(app, async () => {
      await Promise.all(Array.from({ length: 150 }, () => app.inject('/v1/directory?name=durand')));
      const answers = await Promise.all(urls.map((url) => app.inject(`/certificates/search${url}`)));
      return answers.map(({ statusCode }) => statusCode);
    });
  };

  it.each([
    `?iHash=${KEY}`,
    `.cgi?iHash=${KEY}`,
    '?name=x',
    '?uri=www.exemple.fr',
    '?email=a%40exemple.fr',
    `?sHash=${KEY}&x-after=${CURSOR}`,
  ])('by %s is counted with the questions to the directory', async (url) => {
    // the bucket fills again by ten a second, so that one of many is not enough to see
    expect(await exhausted(Array.from({ length: 60 }, () => url))).toContain(429);
  });

  it('does not hold up who has met a certificate', async () => {
    const urls = ['certHash', 'sHash', 'iAndSHash', 'sKIDHash'].map((by) => `?${by}=${KEY}`);
    expect(await exhausted(urls)).toEqual([200, 200, 200, 200]);
  });
});

describe('the CRL store', () => {
  it('answers the last list of the authority that is asked for by name or key', async () => {
    for (const by of ['iHash', 'sKIDHash']) {
      let asked: unknown;
      const findCrlOf: PublicUseCases['findCrlOf'] = async (question) => {
        asked = question;
        return CRL;
      };
      const response = await ask(`/crls/search?${by}=${KEY}`, {}, { findCrlOf });
      expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/pkix-crl']);
      expect(asked).toEqual({ by, key: Buffer.from(KEY_OCTETS, 'hex') });
    }
  });

  it('has nothing for an authority that nobody knows, and takes no other attribute', async () => {
    expect((await ask(`/crls/search.cgi?iHash=${KEY}`)).statusCode).toBe(404);
    expect((await ask(`/crls/search?sHash=${KEY}`)).statusCode).toBe(400);
  });
});
