// Who calls: the certificate of the TLS connection, asked again on every request, because a session outlives a revocation.
// Headers that claim an identity are never looked at: nothing stands between the caller and this process.

import { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AdministratorActor } from '../ra/find-actor.ts';
import type { ApiUseCases } from './use-cases.ts';

const actors = new WeakMap<FastifyRequest, AdministratorActor>();
const lookUps = new WeakMap<FastifyRequest, () => Promise<AdministratorActor>>();

/** Rights are as old as the headers when the body has come; older than this, in milliseconds, they are asked again. */
const FRESH = 1_000;

/** Every route of this scope needs a known administrator; the answer is 401 otherwise. */
export function authenticate(app: FastifyInstance, useCases: Pick<ApiUseCases, 'findActor'>): void {
  const asked = new WeakMap<FastifyRequest, number>();
  app.addHook('onRequest', async (request) => {
    const lookUp = () => useCases.findActor({ chain: peerChain(request.raw.socket) });
    lookUps.set(request, lookUp);
    asked.set(request, performance.now());
    actors.set(request, await lookUp());
  });
  app.addHook('preHandler', async (request) => {
    if (performance.now() - (asked.get(request) ?? 0) > FRESH) actors.set(request, await actorAgain(request));
  });
}

/** The administrator who makes this request, with the rights of this moment; throws what `findActor` throws. */
export async function actorAgain(request: FastifyRequest): Promise<AdministratorActor> {
  const lookUp = lookUps.get(request);
  if (lookUp === undefined) throw new Error('this route authenticates nobody');
  return await lookUp();
}

/** The administrator who makes this request; a route outside `authenticate` is a bug. */
export function actorOf(request: FastifyRequest): AdministratorActor {
  const actor = actors.get(request);
  if (actor === undefined) throw new Error('this route authenticates nobody');
  return actor;
}

/**
 * The certificate with which the peer proved its key in the handshake, in DER; empty without TLS or without a certificate.
 * What a peer may send above it is left out: the path to a root is made of our own certificates.
 */
function peerChain(socket: unknown): Uint8Array[] {
  const leaf = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return leaf === undefined ? [] : [leaf.raw];
}
