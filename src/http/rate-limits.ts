// Who comes too often gets 429 with Retry-After. Administrators are counted one by one, wherever they come from; before one is
// recognised, the address is counted, so that guessing and handshakes for nothing have an end.

import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { actorOf } from './actor.ts';
import { networkOf } from './connections.ts';
import type { CallerRates } from './limits.ts';
import { answerTooOften } from './problem.ts';
import { createBuckets, type Rate } from './rate.ts';

export type Gate = {
  /** whether one more connection of this address is worth a handshake */
  letConnect(address: string): boolean;
  /** to run before the caller is looked up, or where nobody is */
  readonly countStranger: onRequestAsyncHookHandler;
  /** to run once the caller is known */
  readonly countActor: onRequestAsyncHookHandler;
};

/** What one API server remembers of its callers; bounded, whoever they are. */
export function createGate(rates: CallerRates): Gate {
  const strangers = createBuckets(rates.strangers);
  const acts = createBuckets(rates.acts);
  const reads = createBuckets(rates.reads);
  /** connections whose last request was an administrator's */
  const recognised = new WeakSet<object>();
  const counted = new WeakSet<FastifyRequest>();
  const refunded = new WeakSet<object>();

  return {
    letConnect: (address) => strangers.take(address) === 0,
    async countStranger(request, reply) {
      // whoever was recognised on this connection is looked up again, and counted again if that fails now
      if (recognised.delete(request.raw.socket)) return;
      const wait = strangers.take(networkOf(request.ip));
      if (wait > 0) return answerTooOften(request, reply, wait);
      counted.add(request);
    },
    async countActor(request, reply) {
      const { socket } = request.raw;
      recognised.add(socket);
      if (counted.has(request)) strangers.giveBack(networkOf(request.ip));
      if (!refunded.has(socket)) {
        refunded.add(socket);
        strangers.giveBack(networkOf(request.ip));
      }
      const reading = request.method === 'GET' || request.method === 'HEAD';
      const wait = (reading ? reads : acts).take(actorOf(request).id);
      if (wait > 0) return answerTooOften(request, reply, wait);
    },
  };
}

/** Counts every request by its address. */
export function limitAddresses(app: FastifyInstance, rate: Rate | undefined): void {
  if (rate === undefined) return;
  const addresses = createBuckets(rate);
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const wait = addresses.take(networkOf(request.ip));
    if (wait > 0) return answerTooOften(request, reply, wait);
  });
}
