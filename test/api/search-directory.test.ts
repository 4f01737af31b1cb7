import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { describe, expect, it } from 'vitest';
import { buildPublic } from '../../src/http/public/server.ts';
import type { DirectoryAnswer, DirectoryEntry, DirectoryQuery } from '../../src/store/directory.ts';
import { publicUseCases, withServer } from './fake-use-cases.ts';

const ENTRY: DirectoryEntry = {
  profile: 'serv-ssl',
  issuer: 'ACI-EL-ORG-TEST',
  serial: Uint8Array.of(0x5f, 0x0c),
  subject: 'CN=www.exemple.fr,OU=10B0000001,C=FR',
  structure: '10B0000001',
  mailboxes: [],
  notBefore: new Date('2026-11-21T13:58:00Z'),
  notAfter: new Date('2029-11-21T13:58:00Z'),
  certHash: Buffer.from('964c70c41ec908e5ca452510d6c8283a1ac1dfe2', 'hex'),
};
const NEXT = { id: '0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69', soughtName: 'élan' };

const server = (answer: DirectoryAnswer, queries: DirectoryQuery[] = []): FastifyInstance =>
  buildPublic(
    publicUseCases({
      searchDirectory: async (query) => {
        queries.push(query);
        return answer;
      },
    }),
  );

const ask = (
  query: string,
  answer: DirectoryAnswer = { entries: [ENTRY] },
  queries: DirectoryQuery[] = [],
): Promise<LightMyRequestResponse> => withServer(server(answer, queries), (app) => app.inject(`/v1/directory${query}`));

describe('the directory', () => {
  it('answers what was found, for nobody to keep, with the way to the certificate', async () => {
    const response = await ask('?structure=10B0000001');
    expect([response.statusCode, response.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(response.json()).toEqual({
      entries: [
        {
          profile: 'serv-ssl',
          issuer: 'ACI-EL-ORG-TEST',
          serial: '5f0c',
          subject: 'CN=www.exemple.fr,OU=10B0000001,C=FR',
          structure: '10B0000001',
          mailboxes: [],
          notBefore: '2026-11-21T13:58:00.000Z',
          notAfter: '2029-11-21T13:58:00.000Z',
          links: { certificate: '/certificates/search?certHash=lkxwxB7JCOXKRSUQ1sgoOhrB3%2BI' },
        },
      ],
      links: {},
    });
  });

  it('goes on where the last page ended', async () => {
    const first = await ask('?name=%C3%A9la&limit=1', { entries: [ENTRY], next: NEXT });
    const queries: DirectoryQuery[] = [];
    const { next } = first.json().links;
    await withServer(server({ entries: [] }, queries), (app) => app.inject(next));
    expect(queries).toEqual([{ name: 'éla', limit: 1, after: NEXT }]);
  });

  it.each([
    ['nothing', ''],
    ['a profile alone, which would be everybody', '?profile=ps-sign'],
    ['a name that is too short', '?name=du'],
    ['a name of marks alone', '?name=%20--%20%27'],
    ['a name with U+0000', '?name=abc%00'],
    ['a name with another control character', '?name=abc%07'],
    ['a short name beside a structure', '?name=d&structure=10B0000001'],
    ['a structure that is none', '?structure=%00'],
    ['one parameter twice', '?name=durand&name=martin'],
    ['a parameter that does not exist', '?name=durand&mail=x'],
    ['too many entries', '?name=durand&limit=51'],
    ['a cursor with U+0000 in its name', '?name=durand&cursor=AAAAAAAAAAAAAAAAAAAAAGFiYwA'],
    ['a cursor that is none', '?name=durand&cursor=AAAAAAAAAAAAAAAAAAAAAB'],
  ])('refuses %s', async (_, query) => {
    const queries: DirectoryQuery[] = [];
    const response = await ask(query, { entries: [ENTRY] }, queries);
    expect([response.statusCode, response.json().code, queries]).toEqual([400, 'body_malformed', []]);
  });

  it('says what is wrong with a name', async () => {
    const { findings } = (await ask('?name=abc%00')).json();
    expect(findings).toMatchObject([{ at: 'query:/name', detail: 'a name has no control characters' }]);
  });

  it('counts its questions by themselves: who asks for everybody is told to wait, and OCSP is not', async () => {
    await withServer(server({ entries: [] }), async (app) => {
      const answers = await Promise.all(Array.from({ length: 150 }, () => app.inject('/v1/directory?name=durand')));
      expect(answers.filter(({ statusCode }) => statusCode === 200).length).toBeLessThan(120);
      expect(answers.at(-1)?.headers['retry-after']).toMatch(/^\d+$/);
      expect((await app.inject(`/certificates/search?certHash=${'A'.repeat(27)}`)).statusCode).toBe(404);
      expect((await app.inject({ url: '/v1/directory?name=durand', remoteAddress: '198.51.100.7' })).statusCode).toBe(
        200,
      );
    });
  });
});
