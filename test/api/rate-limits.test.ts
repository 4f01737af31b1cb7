import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import type { CallerRates } from '../../src/http/limits.ts';
import { buildPublic } from '../../src/http/public/server.ts';
import { buildApi } from '../../src/http/server.ts';
import type { ApiUseCases } from '../../src/http/use-cases.ts';
import { ACTOR, expectInContract, publicUseCases, useCases, VIEW, withServer } from './fake-use-cases.ts';
import { createParties, type Parties } from './tls-parties.ts';

/** So slow that no test sees a token come back. */
const few = (burst: number) => ({ perSecond: 0.01, burst });
const UNLIMITED: CallerRates = { acts: undefined, reads: undefined, strangers: undefined };

const api = (rates: Partial<CallerRates>, overrides: Partial<ApiUseCases> = {}): FastifyInstance =>
  buildApi(useCases(overrides), { rates: { ...UNLIMITED, ...rates } });

const READ = '/v1/profiles';
const ACT = {
  method: 'POST',
  url: `/v1/certificates/${VIEW.id}/revocation`,
  payload: { reason: 'superseded' },
} as const;

describe('an administrator who comes too often', () => {
  it('gets 429 with Retry-After, in French or English, and nothing is looked up', async () => {
    await withServer(api({ reads: few(1) }), async (app) => {
      expect((await app.inject(READ)).statusCode).toBe(200);
      const french = await app.inject(READ);
      const english = await app.inject({ url: READ, headers: { 'accept-language': 'en' } });
      expect([french.statusCode, french.json().code, french.json().title]).toEqual([
        429,
        'rate_limited',
        'Trop de requêtes',
      ]);
      expect(english.json().title).toBe('Too many requests');
      expect(Number(french.headers['retry-after'])).toBeGreaterThan(90);
      expectInContract('listProfiles', french);
    });
  });

  it('by reading may still act, and the other way round', async () => {
    await withServer(api({ reads: few(1), acts: few(1) }), async (app) => {
      const statuses: number[] = [];
      for (const request of [READ, READ, ACT, ACT, READ]) statuses.push((await app.inject(request)).statusCode);
      expect(statuses).toEqual([200, 429, 200, 429, 429]);
    });
  });

  it('stands in nobody else’s way', async () => {
    let id = ACTOR.id;
    const findActor = async () => ({ ...ACTOR, id });
    await withServer(api({ reads: few(1) }, { findActor }), async (app) => {
      await app.inject(READ);
      expect((await app.inject(READ)).statusCode).toBe(429);
      id = VIEW.id;
      expect((await app.inject(READ)).statusCode).toBe(200);
    });
  });
});

const refused: Partial<ApiUseCases> = {
  findActor: () => Promise.reject(new Refusal('client_certificate_refused', 'unknown')),
};

describe('an address behind which nobody is recognised', () => {
  it('gets 429 instead of 401, before the certificate is looked up again', async () => {
    let lookedUp = 0;
    const findActor = () => {
      lookedUp += 1;
      return Promise.reject(new Refusal('client_certificate_refused', 'unknown'));
    };
    await withServer(api({ strangers: few(2) }, { findActor }), async (app) => {
      const statuses: number[] = [];
      for (let n = 0; n < 4; n += 1) statuses.push((await app.inject(READ)).statusCode);
      expect([statuses, lookedUp]).toEqual([[401, 401, 429, 429], 2]);
    });
  });

  it('is the address of the connection, whatever headers claim', async () => {
    await withServer(api({ strangers: few(1) }, refused), async (app) => {
      await app.inject(READ);
      for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'client-ip']) {
        const answer = await app.inject({ url: READ, headers: { [name]: '198.51.100.7' } });
        expect(answer.statusCode, name).toBe(429);
      }
      expect((await app.inject({ url: READ, remoteAddress: '198.51.100.7' })).statusCode).toBe(401);
    });
  });

  it('is counted where nobody is asked who they are, too', async () => {
    await withServer(api({ strangers: few(2) }), async (app) => {
      const statuses: number[] = [];
      for (const path of ['/livez', '/problems/key_weak', '/docs', '/readyz'])
        statuses.push((await app.inject(path)).statusCode);
      expect(statuses).toEqual([200, 200, 429, 429]);
    });
  });

  it('is counted on paths that do not exist, too', async () => {
    await withServer(api({ strangers: few(2) }), async (app) => {
      const statuses: number[] = [];
      for (const url of ['/nothing', '/v1/nothing', '/v1/certificates/', '/livez'])
        statuses.push((await app.inject(url)).statusCode);
      expect(statuses).toEqual([404, 404, 429, 429]);
    });
  });

  it('is counted when it sends what is no URL, too', async () => {
    await withServer(api({ strangers: few(2) }), async (app) => {
      const statuses: number[] = [];
      for (const url of ['/%zz', '/v1/certificates/%c3', '/%zz', '/livez'])
        statuses.push((await app.inject(url)).statusCode);
      expect(statuses).toEqual([400, 400, 429, 429]);
    });
  });

  it('does not wear off for administrators, who come as often as they may', async () => {
    await withServer(api({ strangers: few(2) }), async (app) => {
      for (let n = 0; n < 10; n += 1) expect((await app.inject(READ)).statusCode).toBe(200);
    });
  });
});

describe('over TLS', () => {
  let parties: Parties;
  let app: FastifyInstance;
  let lookedUp = 0;
  const knowTheCard: ApiUseCases['findActor'] = async ({ chain: [leaf] }) => {
    lookedUp += 1;
    if (leaf === undefined) throw new Refusal('client_certificate_required', 'none');
    return ACTOR;
  };
  beforeAll(() => {
    parties = createParties();
  });
  afterEach(() => app.close());
  afterAll(() => parties.remove());

  async function start(rates: Partial<CallerRates>): Promise<void> {
    const { key, cert } = parties.server;
    app = buildApi(useCases({ findActor: knowTheCard }), {
      tls: { key, cert, clientAuthorities: [parties.authority.cert] },
      rates: { ...UNLIMITED, ...rates },
    });
    lookedUp = 0;
    await app.listen({ port: 0, host: '127.0.0.1' });
  }
  const card = () => ({ key: parties.client.key, cert: parties.client.cert });

  /** A connection after its handshake; rejects when it is closed before. */
  const open = (options: ConnectionOptions = {}): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const { port } = app.server.address() as AddressInfo;
      const socket = connect({ host: '127.0.0.1', port, ca: parties.authority.cert, ...options }, () =>
        resolve(socket),
      );
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
    });

  const statusOf = (socket: TLSSocket): Promise<number> =>
    new Promise((resolve) => {
      socket.once('data', (data) => resolve(Number(data.toString().split(' ')[1])));
      socket.write(`GET ${READ} HTTP/1.1\r\nHost: x\r\n\r\n`);
    });

  it('an address that makes handshakes for nothing is closed before the next one; who is recognised there goes on', async () => {
    await start({ strangers: few(6) });
    const strangers: TLSSocket[] = [];
    await expect(async () => {
      for (;;) strangers.push(await open());
    }).rejects.toThrow();
    expect(strangers).toHaveLength(6);
    for (const socket of strangers) socket.destroy();
  });

  it('behind one address, strangers who ask and strangers who connect do not use up each other’s share', async () => {
    await start({ strangers: few(2) });
    const [first, second] = [await open(), await open()];
    expect([await statusOf(first), await statusOf(second), await statusOf(second)]).toEqual([401, 401, 429]);
    await expect(open()).rejects.toThrow();
    for (const socket of [first, second]) socket.destroy();
  });

  it('an address behind which an administrator was recognised has ten times the room, and the administrator goes on', async () => {
    await start({ strangers: few(3) });
    const known = await open(card());
    expect(await statusOf(known)).toBe(200);
    const strangers: TLSSocket[] = [];
    await expect(async () => {
      for (;;) strangers.push(await open());
    }).rejects.toThrow();
    expect(strangers).toHaveLength(30);
    expect(await statusOf(known)).toBe(200);
    for (const socket of [known, ...strangers]) socket.destroy();
  });

  it('an administrator who comes too often is answered before anybody is looked up', async () => {
    await start({ reads: few(2) });
    const socket = await open(card());
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) statuses.push(await statusOf(socket));
    expect([statuses, lookedUp]).toEqual([[200, 200, 429, 429, 429, 429], 2]);
    socket.destroy();
  });

  it('who comes too often gets nothing back for a new connection, so that those end, too', async () => {
    await start({ reads: few(1), strangers: few(4) });
    const statuses: number[] = [];
    await expect(async () => {
      for (;;) {
        const socket = await open(card());
        statuses.push(await statusOf(socket));
        socket.destroy();
      }
    }).rejects.toThrow();
    expect(statuses[0]).toBe(200);
    expect(statuses.slice(1).every((status) => status === 429)).toBe(true);
  });
});

describe('the public role', () => {
  const publicRole = (burst: number): FastifyInstance => buildPublic(publicUseCases(), { rate: few(burst) });
  const OCSP = {
    method: 'POST',
    url: '/',
    payload: Buffer.from([0x30, 0x00]),
    headers: { 'content-type': 'application/ocsp-request' },
  } as const;

  it('counts each address by itself: a flood from one leaves OCSP to the others', async () => {
    await withServer(publicRole(20), async (app) => {
      const flood = await Promise.all(Array.from({ length: 100 }, () => app.inject('/CRL/nothing.crl')));
      expect(flood.filter(({ statusCode }) => statusCode === 429)).toHaveLength(80);
      expect(flood.find(({ statusCode }) => statusCode === 429)?.headers['retry-after']).toMatch(/^\d+$/);
      expect((await app.inject({ ...OCSP, remoteAddress: '198.51.100.7' })).statusCode).toBe(200);
      expect((await app.inject(OCSP)).statusCode).toBe(429);
    });
  });

  it('counts what is no URL', async () => {
    await withServer(publicRole(2), async (app) => {
      const statuses: number[] = [];
      for (const url of ['/%zz', '/CRL/%c3', '/%zz', '/CRL/nothing.crl'])
        statuses.push((await app.inject(url)).statusCode);
      expect(statuses).toEqual([400, 400, 429, 429]);
    });
  });

  it('lets a hospital behind one address ask five thousand times at once', async () => {
    const generous = buildPublic(publicUseCases());
    await withServer(generous, async (app) => {
      const answers = await Promise.all(Array.from({ length: 5_000 }, () => app.inject(OCSP)));
      expect(answers.filter(({ statusCode }) => statusCode !== 200)).toEqual([]);
    });
  });
});
