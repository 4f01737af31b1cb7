// The main thread's line to the thread that holds the token: requests out, answers and status in. When that thread is frozen
// beyond hope the process ends itself, because a call into a vendor's library cannot be called off; its supervisor starts it anew.
import { Worker } from 'node:worker_threads';
import { Outage } from '../src/errors.ts';
import type {
  FromThread,
  OperationName,
  OutageMessage,
  ThreadOptions,
  TokenOperations,
  TokenStatus,
} from './token-messages.ts';

export type TokenLine = {
  status(): TokenStatus;
  /** Has the token's thread do one thing. Throws Outage; it takes as long as the token takes. */
  call<Name extends OperationName>(
    op: Name,
    request: TokenOperations[Name]['request'],
  ): Promise<TokenOperations[Name]['result']>;
  /** Ends the token's thread; kills the process when the thread does not end within `graceMs`. */
  close(graceMs: number): Promise<void>;
};

type Pending = { resolve(result: unknown): void; reject(error: Outage): void };

/** Milliseconds without a heartbeat after which the process ends itself; opening a token may take longer. */
export type FrozenAfter = { readonly openMs: number; readonly openingMs: number };

export type LineOptions = {
  readonly thread: Omit<ThreadOptions, 'heartbeat'>;
  readonly frozenAfter: FrozenAfter;
  /** Whether calls that hang take up every session, though the thread itself still beats. */
  readonly isStuck: () => boolean;
  readonly log: (event: { readonly event: string; readonly [fact: string]: unknown }) => void;
};

const OPENING: TokenStatus = { state: 'opening', loggedIn: false, pinLatch: 'clear', missingKeys: [] };

/** Starts the thread and watches over it. */
export function openTokenLine({ thread, frozenAfter, isStuck, log }: LineOptions): TokenLine {
  const heartbeat = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('./token-thread.ts', import.meta.url), { workerData: { ...thread, heartbeat } });
  const pending = new Map<number, Pending>();
  let status = OPENING;
  let last = 0;
  let closing = false;

  const end = (reason: string): void => {
    log({ event: 'signer.killed', reason });
    // after the log has had a chance to be written
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);
  };
  const watchdog = watchHeartbeat(
    new Int32Array(heartbeat),
    () => {
      const limit = status.state === 'opening' ? frozenAfter.openingMs : frozenAfter.openMs;
      return { limit, stuck: isStuck() };
    },
    end,
  );

  worker.on('message', (message: FromThread) => {
    if ('status' in message) {
      status = message.status;
      log({ event: 'signer.token', ...status });
      return;
    }
    const call = pending.get(message.id);
    pending.delete(message.id);
    if ('outage' in message) call?.reject(toOutage(message.outage));
    else call?.resolve(message.result);
  });
  // a bug, not an answer of the token: what the thread was doing is unknown, so that only a new process is sound
  worker.on('error', (error) => end(`the token's thread failed: ${error.message}`));
  worker.on('exit', () => {
    if (!closing) end("the token's thread ended");
  });

  const call = <Name extends OperationName>(
    op: Name,
    request: TokenOperations[Name]['request'],
  ): Promise<TokenOperations[Name]['result']> => {
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve: (result) => resolve(result as TokenOperations[Name]['result']), reject });
      worker.postMessage({ id, request: { op, ...request } });
    });
  };
  return {
    status: () => status,
    call,
    async close(graceMs) {
      closing = true;
      clearInterval(watchdog);
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      const timer = setTimeout(() => end('the token did not let go'), graceMs);
      call('close', {}).catch(() => undefined);
      await ended;
      clearTimeout(timer);
    },
  };
}

const toOutage = ({ message, signature, cause }: OutageMessage): Outage =>
  new Outage('hsm', message, { signature, cause });

const LOOK_MS = 100;

/** Calls `frozen` once when the counter stands still for longer than `limit`, or when every session is stuck. */
function watchHeartbeat(
  counter: Int32Array,
  look: () => { limit: number; stuck: boolean },
  frozen: (reason: string) => void,
): NodeJS.Timeout {
  let seen = -1;
  let since = performance.now();
  const timer = setInterval(() => {
    const beats = Atomics.load(counter, 0);
    if (beats !== seen) since = performance.now();
    seen = beats;
    const { limit, stuck } = look();
    const still = performance.now() - since > limit;
    if (!still && !stuck) return;
    clearInterval(timer);
    frozen(still ? 'a call to the token froze its thread' : 'calls to the token hang in every session');
  }, LOOK_MS);
  return timer;
}
