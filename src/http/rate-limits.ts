// Who comes too often gets 429 with Retry-After. Administrators are counted one by one, wherever they come from; before one is
// recognised, the address is counted, so that guessing and handshakes for nothing have an end.

import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { actorOf } from './actor.ts';
import { networkOf } from './connections.ts';
import { type CallerRates, KNOWN_FACTOR, KNOWN_FOR } from './limits.ts';
import { answerTooOften } from './problem.ts';
import { type Buckets, createBuckets, createMemory, type Rate } from './rate.ts';

export type Gate = {
  /** whether one more connection of this address is worth a handshake */
  letConnect(address: string): boolean;
  /** whether an administrator was recognised behind this address within the last hour */
  knows(address: string): boolean;
  /** for a request whose URL cannot be read, for which no hook runs: answers it if it is one too many */
  readonly turnAway: TurnAway;
  /** to run before the caller is looked up, or where nobody is */
  readonly countStranger: onRequestAsyncHookHandler;
  /** to run once the caller is known */
  readonly countActor: onRequestAsyncHookHandler;
};

/** Counts a request by its address; the answer when it is one too many. */
type TurnAway = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;

const turnAwayFrom =
  (addresses: Pick<Buckets, 'take'>): TurnAway =>
  (request, reply) => {
    const wait = addresses.take(networkOf(request.ip));
    return wait > 0 ? answerTooOften(request, reply, wait) : undefined;
  };

const STRANGER = '';

/** Buckets of addresses, larger ones for those that are known. */
function addressBuckets(rate: Rate | undefined, knows: (address: string) => boolean): Buckets {
  const small = createBuckets(rate);
  const large = createBuckets(rate && { perSecond: KNOWN_FACTOR * rate.perSecond, burst: KNOWN_FACTOR * rate.burst });
  const bucketsOf = (address: string): Buckets => (knows(address) ? large : small);
  return {
    take: (address) => bucketsOf(address).take(address),
    giveBack: (address) => bucketsOf(address).giveBack(address),
  };
}

/** What one API server remembers of its callers; bounded, whoever they are. */
export function createGate(rates: CallerRates): Gate {
  const known = createMemory(KNOWN_FOR);
  const connections = addressBuckets(rates.strangers, known.has);
  const strangers = addressBuckets(rates.strangers, known.has);
  const acts = createBuckets(rates.acts);
  const reads = createBuckets(rates.reads);
  /** connections whose last request was an administrator's, and whose */
  const recognised = new WeakMap<object, string>();
  /** requests that were counted before the caller was looked up: as an administrator's, or as a stranger's */
  const countedAs = new WeakMap<FastifyRequest, string>();
  const refunded = new WeakSet<object>();

  const isReading = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD';
  const takeOf = (request: FastifyRequest, actor: string): number => (isReading(request) ? reads : acts).take(actor);

  return {
    letConnect: (address) => connections.take(address) === 0,
    knows: known.has,
    turnAway: turnAwayFrom(strangers),
    async countStranger(request, reply) {
      const { socket } = request.raw;
      const expected = recognised.get(socket);
      // too often is known before the database is asked who it is
      const wait = expected === undefined ? strangers.take(networkOf(request.ip)) : takeOf(request, expected);
      if (wait > 0) return answerTooOften(request, reply, wait);
      countedAs.set(request, expected ?? STRANGER);
      // whoever was recognised on this connection is looked up again, and is a stranger if that fails now
      recognised.delete(socket);
    },
    async countActor(request, reply) {
      const { socket } = request.raw;
      const { id } = actorOf(request);
      const counted = countedAs.get(request);
      const wait = counted === id ? 0 : takeOf(request, id);
      // what this request and its connection have cost stays taken: else each new connection would be one more look-up
      if (wait > 0) return answerTooOften(request, reply, wait);
      recognised.set(socket, id);
      const address = networkOf(request.ip);
      if (counted === STRANGER) strangers.giveBack(address);
      if (!refunded.has(socket)) connections.giveBack(address);
      refunded.add(socket);
      known.add(address);
    },
  };
}

/** Counts the requests of some routes by their address. */
export function limitByAddress(rate: Rate | undefined): onRequestAsyncHookHandler {
  const turnAway = turnAwayFrom(createBuckets(rate));
  return async (request, reply) => turnAway(request, reply);
}

/** Counts every request by its address; what it answers is for requests for which no hook runs. */
export function limitAddresses(app: FastifyInstance, rate: Rate | undefined): TurnAway {
  const turnAway = turnAwayFrom(createBuckets(rate));
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => turnAway(request, reply));
  return turnAway;
}
