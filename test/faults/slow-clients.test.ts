// Row 27 of the bad input that a service meets: clients that are slow, silent, talkative or too many. Each ends with 408, 431, 429 or a
// closed connection, while others are answered. Over real sockets, with short limits: what is held is who ends, not when.

import { Agent, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { API_LIMITS, PUBLIC_LIMITS, type ServerLimits } from '../../src/http/limits.ts';
import { buildPublic } from '../../src/http/public/server.ts';
import { buildApi } from '../../src/http/server.ts';
import type { ApiUseCases } from '../../src/http/use-cases.ts';
import type { CertificateSummaryView } from '../../src/ra/certificate-view.ts';
import { ACTOR, publicUseCases, useCases, VIEW } from '../api/fake-use-cases.ts';
import { createParties, type Parties } from '../api/tls-parties.ts';

const SHORT = {
  ...{ headersTimeout: 400, requestTimeout: 800, keepAliveTimeout: 300, connectionTimeout: 2_000 },
  ...{ checkingInterval: 50, maxConnections: 40, maxConnectionsPerAddress: 30 },
};

let app: FastifyInstance;
const portOf = (): number => (app.server.address() as AddressInfo).port;

/** What a peer that does `act` on its connection hears until the connection ends. */
function ended(act: (socket: Socket) => void, socket: Socket = connect(portOf(), '127.0.0.1')): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    socket
      .on('connect', () => act(socket))
      .on('data', (data) => {
        heard += data.toString();
      });
    // whoever still writes when the server has closed is reset
    socket.on('error', () => undefined).on('close', () => resolve(heard));
  });
}

/** Writes one character after the other, for as long as the connection takes them. */
function trickle(socket: Socket, character: string): void {
  const drip = setInterval(() => socket.write(character), 20);
  socket.on('close', () => clearInterval(drip));
}

const problemOf = (answer: string): Record<string, unknown> => JSON.parse(answer.split('\r\n\r\n')[1] ?? '{}');
const statusOf = (answer: string): number => Number(answer.split(' ')[1]);

/** One OCSP request; the status of its answer. */
const askOcsp = (agent?: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/ocsp-request' };
    const sent = request(
      { host: '127.0.0.1', port: portOf(), method: 'POST', path: '/', headers, agent: agent ?? false },
      (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
    );
    sent.on('error', reject).end(Buffer.from([0x30, 0x00]));
  });

async function startPublic(limits: Partial<ServerLimits> = {}): Promise<void> {
  app = buildPublic(publicUseCases(), { limits: { ...PUBLIC_LIMITS, ...SHORT, ...limits } });
  await app.listen({ port: 0, host: '127.0.0.1' });
}

describe('the public role', () => {
  beforeEach(() => startPublic());
  afterEach(() => app.close());

  const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n';

  it.each<[string, number, string, (socket: Socket) => void]>([
    [
      'headers that never end',
      408,
      'request_timeout',
      (socket) => {
        socket.write('GET / HTTP/1.1\r\nHost: x\r\nX: ');
        trickle(socket, 'x');
      },
    ],
    [
      'a request line that never ends',
      408,
      'request_timeout',
      (socket) => {
        socket.write('GET /');
        trickle(socket, 'a');
      },
    ],
    [
      'a body that never ends',
      408,
      'request_timeout',
      (socket) => {
        socket.write(`${HEAD}Content-Length: 9000\r\n\r\n`);
        trickle(socket, '0');
      },
    ],
    [
      'a chunk that never ends',
      408,
      'request_timeout',
      (socket) => {
        socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\nfff\r\n`);
        trickle(socket, '0');
      },
    ],
    ['nothing at all', 408, 'request_timeout', () => undefined],
    ['half a request line', 408, 'request_timeout', (socket) => socket.write('GE')],
    [
      'a header of a megabyte',
      431,
      'header_too_large',
      (socket) => socket.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(1_000_000)}`),
    ],
    [
      'ten thousand headers',
      431,
      'header_too_large',
      (socket) => socket.write(`GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(10_000)}`),
    ],
  ])('%s ends with %i in both languages, and OCSP answers meanwhile', async (_, status, code, act) => {
    const slow = Promise.all(Array.from({ length: 5 }, () => ended(act)));
    expect(await askOcsp()).toBe(200);
    for (const answer of await slow) {
      expect(statusOf(answer)).toBe(status);
      expect(problemOf(answer)).toMatchObject({ code, title: expect.stringMatching(/^\S.* \/ \S/) });
    }
    expect(await askOcsp()).toBe(200);
  });

  it('a client that falls silent after its answer is closed without a word', async () => {
    const answer = await ended((socket) => socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(statusOf(answer)).toBe(200);
  });

  it('of a flood of connections from one address those beyond the cap are closed, and those that stand are served', async () => {
    await app.close();
    await startPublic({ keepAliveTimeout: 20_000 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await askOcsp(agent)).toBe(200);
    const heard = Array.from({ length: 100 }, () => ended(() => undefined));
    expect(await askOcsp(agent)).toBe(200);
    const answers = await Promise.all(heard);
    const closed = answers.filter((answer) => answer === '').length;
    expect(closed).toBeGreaterThanOrEqual(100 - SHORT.maxConnectionsPerAddress);
    expect(answers.filter((answer) => answer !== '').every((answer) => statusOf(answer) === 408)).toBe(true);
    agent.destroy();
    // and there is room again
    expect(await askOcsp()).toBe(200);
  });
});

describe('the API', () => {
  let parties: Parties;
  beforeAll(() => {
    parties = createParties();
  });
  afterAll(() => parties.remove());
  beforeEach(async () => {
    const { key, cert } = parties.server;
    app = buildApi(useCases(), {
      tls: { key, cert },
      limits: { ...API_LIMITS, ...SHORT, handshakeTimeout: 400 },
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(() => app.close());

  it.each<[string, (socket: Socket) => void]>([
    ['that never begins', () => undefined],
    ['of which half a record comes', (socket) => socket.write(Buffer.from('160301020001', 'hex'))],
    [
      'that trickles',
      (socket) => {
        socket.write(Buffer.from('1603010200010001fc0303', 'hex'));
        trickle(socket, '\0');
      },
    ],
    ['that is none', (socket) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ])('a handshake %s ends with a closed connection, and others are answered meanwhile', async (_, act) => {
    const slow = Promise.all(Array.from({ length: 5 }, () => ended(act)));
    const alive = async () =>
      statusOf(
        await ended(
          () => undefined,
          overTls((socket) => socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')),
        ),
      );
    expect(await alive()).toBe(200);
    for (const answer of await slow) expect(answer).not.toContain('HTTP/1.1 200');
    expect(await alive()).toBe(200);
  });

  it('connections behind which nobody is recognised leave room for those of administrators, and for their next ones', async () => {
    await app.close();
    const { key, cert } = parties.server;
    const findActor: ApiUseCases['findActor'] = async ({ chain: [leaf] }) => {
      if (leaf === undefined) throw new Refusal('client_certificate_required', 'none');
      return ACTOR;
    };
    app = buildApi(useCases({ findActor }), {
      tls: { key, cert, clientAuthorities: [parties.authority.cert] },
      limits: { ...API_LIMITS, strangers: { perAddress: 3, perKnownAddress: 5, inAll: 4 } },
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    // silent ones, as many as an address that nobody knows may have
    const silent = [await silentPeer(), await silentPeer(), await silentPeer()];
    expect(await isClosed(await silentPeer())).toBe(true);
    silent.pop()?.destroy();
    const card = { key: parties.client.key, cert: parties.client.cert };
    const known: TLSSocket[] = [];
    // each makes room when it is recognised
    for (let n = 0; n < 5; n += 1) known.push(await askedOnce(card));
    // the address is known now, and the cap of all strangers is what is left
    silent.push(await silentPeer(), await silentPeer());
    expect(await isClosed(await silentPeer())).toBe(true);
    for (const socket of [...silent, ...known]) socket.destroy();
  });

  it('an extract that is not read to its end in time breaks off', async () => {
    await app.close();
    const { key, cert } = parties.server;
    async function* endless(): AsyncGenerator<CertificateSummaryView> {
      for (;;) yield VIEW;
    }
    app = buildApi(useCases({ extractCertificates: async () => ({ certificates: endless() }) }), {
      tls: { key, cert },
      limits: { ...API_LIMITS, extractDeadline: 300 },
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const cutOff = new Promise<void>((resolve) => {
      app.server.once('secureConnection', (served: TLSSocket) => served.once('close', () => resolve()));
    });
    const ask = 'GET /v1/certificates HTTP/1.1\r\nHost: x\r\nAccept: text/csv\r\n\r\n';
    const socket = overTls((peer) => peer.write(ask));
    // reads one piece, and then no more until the server has had enough
    const heard = await new Promise<string>((resolve) => {
      socket.once('data', (data) => {
        socket.pause();
        resolve(data.toString());
      });
    });
    expect(statusOf(heard)).toBe(200);
    await cutOff;
    socket.destroy();
  });

  /** A TCP connection that says nothing. */
  const silentPeer = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(portOf(), '127.0.0.1', () => resolve(socket));
      socket.on('error', () => undefined);
    });

  /** Whether the server ends this connection sooner than it ends a silent one: long before any handshake is due. */
  const isClosed = (socket: Socket): Promise<boolean> =>
    new Promise((resolve) => {
      const since = performance.now();
      socket.resume().once('close', () => resolve(performance.now() - since < API_LIMITS.handshakeTimeout / 2));
    });

  /** A connection over TLS that was answered once with 200; tries again while the server still counts one that has just gone. */
  async function askedOnce(card: { key: string; cert: string }): Promise<TLSSocket> {
    for (;;) {
      const answered = await new Promise<TLSSocket | undefined>((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', port: portOf(), ca: parties.authority.cert, ...card }, () =>
          socket.write('GET /v1/profiles HTTP/1.1\r\nHost: x\r\n\r\n'),
        );
        socket.once('data', (data) => resolve(statusOf(data.toString()) === 200 ? socket : undefined));
        socket.on('error', () => undefined).once('close', () => resolve(undefined));
      });
      if (answered !== undefined) return answered;
    }
  }

  it('headers that never end are 408 behind TLS, too', async () => {
    const answer = await ended(
      () => undefined,
      overTls((socket) => {
        socket.write('GET / HTTP/1.1\r\nX: ');
        trickle(socket, 'x');
      }),
    );
    expect([statusOf(answer), problemOf(answer).code]).toEqual([408, 'request_timeout']);
  });

  function overTls(act: (socket: Socket) => void): Socket {
    const socket = connectTls({ host: '127.0.0.1', port: portOf(), ca: parties.authority.cert }, () => act(socket));
    return socket;
  }
});
