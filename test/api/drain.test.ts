import { Agent, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { expect, it } from 'vitest';
import { closeListeners } from '../../src/http/listener.ts';
import { buildPublic } from '../../src/http/public/server.ts';
import { publicUseCases } from './fake-use-cases.ts';

type Answer = { status: number | undefined; connection: string | undefined };

function ask(app: FastifyInstance, agent: Agent): Promise<Answer> {
  const { port } = app.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/CRL/x.crl', agent }, (response) => {
      response
        .resume()
        .on('end', () => resolve({ status: response.statusCode, connection: response.headers.connection }));
    }).on('error', reject);
  });
}

/** A server whose answers wait until the test lets them go. */
async function slowServer() {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<undefined>();
  const findCrl = () => {
    asked.resolve();
    return released.promise;
  };
  const app = buildPublic(publicUseCases({ findCrl }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { app, asked: asked.promise, release: () => released.resolve(undefined) };
}

it('a closing server finishes the request under way, ends its connection and takes no new one', async () => {
  const { app, asked, release } = await slowServer();
  const agent = new Agent({ keepAlive: true });
  const { port } = app.server.address() as AddressInfo;
  const running = ask(app, agent);
  await asked;
  const closed = closeListeners([app]);
  await new Promise<void>((resolve) => {
    const refused = (): void =>
      void get({ host: '127.0.0.1', port }, (response) => response.resume().on('end', refused)).on('error', () =>
        resolve(),
      );
    refused();
  });
  release();
  expect(await running).toEqual({ status: 404, connection: 'close' });
  await closed;
  agent.destroy();
});

it('a connection that waits idle does not hold the server up', async () => {
  const { app, release } = await slowServer();
  release();
  const agent = new Agent({ keepAlive: true });
  expect((await ask(app, agent)).connection).toBe('keep-alive');
  await closeListeners([app]);
  agent.destroy();
});

it('a request that does not end is cut off at the deadline', async () => {
  const { app, asked } = await slowServer();
  const agent = new Agent();
  const running = ask(app, agent);
  await asked;
  const cutOff = expect(running).rejects.toThrow('socket hang up');
  await closeListeners([app], 50);
  await cutOff;
});
