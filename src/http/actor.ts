// Who calls: the certificate of the TLS connection, asked again on every request, because a session outlives a revocation.
// Headers that claim an identity are never looked at: nothing stands between the caller and this process.

import { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AdministratorActor } from '../ra/find-actor.ts';
import type { ApiUseCases } from './use-cases.ts';

const actors = new WeakMap<FastifyRequest, AdministratorActor>();

/** Every route of this scope needs a known administrator; the answer is 401 otherwise. */
export function authenticate(app: FastifyInstance, useCases: Pick<ApiUseCases, 'findActor'>): void {
  app.addHook('onRequest', async (request) => {
    actors.set(request, await useCases.findActor({ chain: peerChain(request.raw.socket) }));
  });
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
