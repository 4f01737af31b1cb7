// Row 14 of the bad input that a service meets: who is behind a connection is asked on every request, over real TLS.

import { Agent, type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { buildApi } from '../../src/http/server.ts';
import { renewServerCertificate } from '../../src/http/tls.ts';
import type { ApiUseCases } from '../../src/http/use-cases.ts';
import type { Peer } from '../../src/ra/find-actor.ts';
import { ACTOR, useCases, VIEW } from './fake-use-cases.ts';
import { createParties, type Parties } from './tls-parties.ts';

type Answer = { status: number; body: { code?: string }; port: number; headers: Record<string, unknown> };

let parties: Parties;
let app: FastifyInstance;
let port: number;
let peers: Peer[];
let revoked: boolean;

beforeAll(() => {
  parties = createParties();
});
afterAll(() => parties.remove());

beforeEach(async () => {
  peers = [];
  revoked = false;
  const { key, cert } = parties.server;
  app = buildApi(useCases({ findActor: knowTheCard }), {
    tls: { key, cert, clientAuthorities: [parties.authority.cert] },
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  port = (app.server.address() as AddressInfo).port;
});
afterEach(() => app.close());

/** Knows the one card by its bytes, as long as it is not revoked. */
const knowTheCard: ApiUseCases['findActor'] = async (peer) => {
  peers.push(peer);
  const [leaf] = peer.chain;
  if (leaf === undefined) throw new Refusal('client_certificate_required', 'none');
  if (revoked || Buffer.compare(leaf, parties.client.der) !== 0)
    throw new Refusal('client_certificate_refused', 'unknown');
  return ACTOR;
};

function ask(options: RequestOptions = {}, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path: '/v1/profiles', ca: parties.authority.cert, agent: false, ...options },
      (response) => {
        const localPort = response.socket.localPort ?? 0;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            body: text === '' ? {} : JSON.parse(text),
            port: localPort,
            headers: response.headers,
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const LARGE_ORDER = { method: 'POST', path: '/v1/certificates', headers: { 'content-type': 'application/json' } };

const card = () => ({ key: parties.client.key, cert: parties.client.cert });

describe('the certificate of the connection', () => {
  it('reaches the use case in DER, without what the peer puts above it', async () => {
    const answer = await ask({ key: parties.client.key, cert: parties.client.cert + parties.authority.cert });
    expect(answer.status).toBe(200);
    expect(peers).toEqual([{ chain: [parties.client.der] }]);
  });

  it('is required under /v1: without one the answer is 401', async () => {
    for (const path of ['/v1/profiles', `/v1/certificates/${VIEW.id}`]) {
      const answer = await ask({ path });
      expect([answer.status, answer.body.code]).toEqual([401, 'client_certificate_required']);
      expect(answer.headers['www-authenticate']).toBeDefined();
    }
    expect(peers).toEqual([{ chain: [] }, { chain: [] }]);
  });

  it('that is foreign and expired passes the handshake and is refused with 401', async () => {
    const answer = await ask({ key: parties.stranger.key, cert: parties.stranger.cert });
    expect([answer.status, answer.body.code]).toEqual([401, 'client_certificate_refused']);
    expect(peers).toEqual([{ chain: [parties.stranger.der] }]);
  });

  it('is asked again on every request of one connection: a revocation counts at once', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = await ask({ ...card(), agent });
    revoked = true;
    const second = await ask({ ...card(), agent });
    agent.destroy();
    expect([first.status, second.status]).toEqual([200, 401]);
    expect(second.port).toBe(first.port);
  });

  it('is asked before a body is read, and the answer arrives although the caller still sends', async () => {
    const answer = await ask(LARGE_ORDER, Buffer.alloc(4 * 1024 * 1024, 0x20));
    expect([answer.status, answer.body.code]).toEqual([401, 'client_certificate_required']);
  });

  it('is not asked for health, documentation and problem types', async () => {
    for (const path of ['/livez', '/readyz', '/docs', '/openapi.json', '/problems/key_weak']) {
      const answer = await ask({ path, method: 'HEAD' });
      expect(answer.status, path).toBe(200);
    }
    expect(peers).toEqual([]);
  });
});

it('row 2: a caller who is known and sends too much gets 413, with and without a length said beforehand', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024, 0x20);
  for (const length of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
    const answer = await ask({ ...LARGE_ORDER, ...card(), headers: { ...LARGE_ORDER.headers, ...length } }, body);
    expect([answer.status, answer.body.code]).toEqual([413, 'body_too_large']);
  }
});

describe('headers that claim an identity', () => {
  it.each([
    'X-Client-Cert',
    'X-SSL-Client-Cert',
    'X-SSL-Client-Verify',
    'X-SSL-Client-S-DN',
    'X-Forwarded-Client-Cert',
    'X-Forwarded-For',
    'X-ARR-ClientCert',
    'SSL-Client-Cert',
    'Client-Cert',
    'Client-Cert-Chain',
    'X-Remote-User',
    'Authorization',
  ])('%s is ignored', async (name) => {
    const pem = encodeURIComponent(parties.client.cert);
    const answer = await ask({ headers: { [name]: pem } });
    expect([answer.status, answer.body.code]).toEqual([401, 'client_certificate_required']);
    expect(peers).toEqual([{ chain: [] }]);
  });
});

type Handshake = { session: Buffer | undefined; reused: boolean; subject: string | undefined };

/** One connection: the session that the server gave, whether it resumed one, and whose certificate it showed. */
function handshake(options: ConnectionOptions): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    let seen: Handshake = { session: undefined, reused: false, subject: undefined };
    const socket = connect({ host: '127.0.0.1', port, ca: parties.authority.cert, ...options }, () => {
      seen = { ...seen, reused: socket.isSessionReused(), subject: socket.getPeerX509Certificate()?.subject };
      socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    });
    socket.on('session', (session: Buffer) => {
      seen = { ...seen, session };
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(seen));
    socket.resume();
  });
}

describe('the TLS of the server', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes no %s session', async (version) => {
    const versions = { minVersion: version, maxVersion: version, ...card() };
    const first = await handshake(versions);
    const second = await handshake({ ...versions, session: first.session });
    expect([first.reused, second.reused]).toEqual([false, false]);
  });

  it('refuses TLS 1.1', async () => {
    await expect(
      handshake({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  it('refuses ciphers without forward secrecy', async () => {
    await expect(handshake({ maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' })).rejects.toThrow();
  });

  it('shows a renewed certificate from the next handshake on, and asks for the card as before', async () => {
    expect((await handshake({})).subject).toBe('CN=first server');
    const { key, cert } = parties.renewedServer;
    renewServerCertificate(app, { key, cert, clientAuthorities: [parties.authority.cert] });
    expect((await handshake({})).subject).toBe('CN=renewed server');
    expect((await ask(card())).status).toBe(200);
    expect((await ask()).status).toBe(401);
    await expect(handshake({ maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' })).rejects.toThrow();
  });
});
