// The way to the token: at most so many calls at once, a bounded queue before it, a deadline over both, and a breaker in front.
// It decides what a caller is told when time runs out: nothing was signed, or nobody knows.
import { Outage } from '../src/errors.ts';
import type { Breaker } from './breaker.ts';
import { KEY_MISSING } from './key-objects.ts';

/** One call's own view of its progress. */
export type Progress = {
  /** To be called right before the token is asked to sign; throws when the deadline has passed, so that it is not. */
  asking(): void;
};

export type Gate = {
  /**
   * Does `work` when its turn comes, until `expiresAt` (performance.now()). Throws Outage: `none` when the breaker is open, the
   * queue is full, or the deadline passed before `asking`; `unknown` when it passed after.
   */
  pass<T>(work: (progress: Progress) => Promise<T>, expiresAt: number): Promise<T>;
  queued(): number;
  inFlight(): number;
  /** Whether every place is taken by a call whose deadline passed more than `ms` ago. */
  isStuck(ms: number): boolean;
};

type Call = { readonly start: () => void; readonly expire: () => void; readonly expiresAt: number };

const none = (message: string): Outage => new Outage('hsm', message, { signature: 'none' });

export type GateOptions = {
  /** calls at once */
  readonly width: number;
  /** calls that may wait besides */
  readonly places: number;
  readonly breaker: Breaker;
  /** a deadline below this is the caller's own haste, and says nothing of the token */
  readonly fairMs: number;
};

/** Opens the gate; nobody is in it. */
export function openGate({ width, places, breaker, fairMs }: GateOptions): Gate {
  const queue = new Set<Call>();
  const running = new Set<Call>();
  let answeredAt = Number.NEGATIVE_INFINITY;

  const next = (): void => {
    for (const call of queue) {
      if (running.size >= width) return;
      queue.delete(call);
      running.add(call);
      call.start();
    }
  };
  return {
    queued: () => queue.size,
    inFlight: () => running.size,
    isStuck: (ms) => running.size >= width && [...running].every(({ expiresAt }) => performance.now() > expiresAt + ms),
    pass<T>(work: (progress: Progress) => Promise<T>, expiresAt: number): Promise<T> {
      if (queue.size >= places) return Promise.reject(none('too many calls wait for the token'));
      if (!breaker.admit()) return Promise.reject(none('the token failed several times and is left alone for a while'));
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const entered = performance.now();
      let asked = false;
      let over = false;
      const progress: Progress = {
        asking() {
          if (over) throw none('the deadline passed before the token was asked');
          asked = true;
        },
      };
      const timer = setTimeout(() => call.expire(), Math.max(0, expiresAt - performance.now()));
      const settle = (tell: () => void, done: () => void): void => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        tell();
        done();
      };
      const answered = (): void => {
        answeredAt = performance.now();
        breaker.succeeded();
      };
      // Who asks with a deadline of a millisecond, or behind a full queue, does not close the token to all others.
      const expired = (): void => {
        if (performance.now() - entered >= fairMs && answeredAt < entered) breaker.failed();
        else breaker.passed();
      };
      const call: Call = {
        expiresAt,
        start() {
          work(progress)
            .then(
              (result) => settle(answered, () => resolve(result)),
              (error: unknown) => settle(isTokenFault(error) ? breaker.failed : answered, () => reject(error)),
            )
            .finally(() => {
              running.delete(call);
              next();
            });
        },
        expire() {
          queue.delete(call);
          const signature = asked ? 'unknown' : 'none';
          settle(expired, () =>
            reject(new Outage('hsm', 'the token did not answer within the deadline', { signature })),
          );
        },
      };
      queue.add(call);
      next();
      return promise;
    },
  };
}

/** A key that is missing says nothing about the token. */
const isTokenFault = (error: unknown): boolean => !(error instanceof Outage && error.cause === KEY_MISSING);
