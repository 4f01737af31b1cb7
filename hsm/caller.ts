// The caller's end of the wire: connections that are kept and used again, one request at a time on each, and the one thing that
// has to be right: whether the signer can have had the whole of a request.
import { connect, type Socket } from 'node:net';
import { Outage } from '../src/errors.ts';
import { ANSWER_LIMIT, encodeFrame, openFrameReader, type SignerAnswer, type SignerRequest } from './frames.ts';

type Question = SignerRequest extends infer Request
  ? Request extends SignerRequest
    ? Omit<Request, 'deadlineMs'>
    : never
  : never;

export type Caller = {
  /**
   * Sends a request with its body and gives the answer. Throws Outage: `none` when the signer certainly did not get the whole
   * request, `unknown` when it may have.
   */
  call(question: Question, body: Uint8Array, deadlineMs: number): Promise<SignerAnswer>;
  close(): Promise<void>;
};

const MOST_CONNECTIONS = 16;
const CHUNK = 64 * 1024;
/** The part of a deadline that the signer is given, so that its answer, which knows more, comes before ours. */
const SIGNERS_SHARE = 0.9;

/** What a signer says unasked is its goodbye. */
function leave(this: Socket): void {
  this.destroy();
}

/** Calls to the signer at `path`, over at most MOST_CONNECTIONS connections. */
export function openCaller(path: string): Caller {
  const idle: Socket[] = [];
  const waiting: ((socket: Socket | undefined) => void)[] = [];
  const open = new Set<Socket>();
  let closed = false;

  const release = (socket: Socket): void => {
    const next = waiting.shift();
    if (next !== undefined) next(socket.destroyed ? undefined : socket);
    else if (!socket.destroyed) idle.push(socket.once('data', leave));
  };
  const take = async (expiresAt: number): Promise<Socket> => {
    for (let socket = idle.pop(); socket !== undefined; socket = idle.pop())
      if (!socket.destroyed) return socket.off('data', leave);
    if ([...open].filter(({ destroyed }) => !destroyed).length >= MOST_CONNECTIONS) {
      const socket = await turn(waiting, expiresAt);
      if (socket !== undefined) return socket;
    }
    const socket = connect({ path });
    open.add(socket);
    // an idle connection that ends is just forgotten; a busy one has listeners of its own
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open.delete(socket);
      const at = idle.indexOf(socket);
      if (at >= 0) idle.splice(at, 1);
    });
    return socket;
  };
  return {
    async call(question, body, deadlineMs) {
      if (closed) throw new Outage('hsm', 'the connection to the signer is closed');
      const expiresAt = performance.now() + deadlineMs;
      const socket = await take(expiresAt);
      try {
        const left = Math.floor((expiresAt - performance.now()) * SIGNERS_SHARE);
        if (left <= 0) throw new Outage('hsm', 'no connection to the signer was free before the deadline');
        const request: SignerRequest = { ...question, deadlineMs: left };
        return await exchange(socket, { head: encodeFrame(request), body, expiresAt });
      } catch (error) {
        socket.destroy();
        throw error;
      } finally {
        release(socket);
      }
    },
    async close() {
      closed = true;
      for (const socket of open) socket.destroy();
    },
  };
}

/** Waits for a connection to become free; undefined stands for the place of one that ended. */
function turn(waiting: ((socket: Socket | undefined) => void)[], expiresAt: number): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const mine = (socket: Socket | undefined): void => {
      clearTimeout(timer);
      resolve(socket);
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(mine), 1);
      reject(new Outage('hsm', 'every connection to the signer was busy until the deadline'));
    }, expiresAt - performance.now());
    waiting.push(mine);
  });
}

/** One request and its answer. Whatever goes wrong afterwards is an Outage that says what the signer can have had. */
function exchange(
  socket: Socket,
  request: { head: Buffer; body: Uint8Array; expiresAt: number },
): Promise<SignerAnswer> {
  const { head, body, expiresAt } = request;
  const readFrame = openFrameReader(ANSWER_LIMIT);
  return new Promise((resolve, reject) => {
    let handedOver = false;
    const fail = (why: string, failedWrite = false): void => {
      done();
      // a write that failed left out the end of the request, without which nothing is signed
      const signature = handedOver && !failedWrite ? 'unknown' : 'none';
      reject(new Outage('hsm', why, { signature }));
    };
    const onData = (chunk: Buffer): void => {
      try {
        const frame = readFrame(chunk);
        if (frame === undefined) return;
        const answer = frame.header as SignerAnswer;
        done();
        // an answer may come before everything was sent, or be followed by a goodbye: no such connection is used again
        if (!handedOver || answer.last || frame.rest.length > 0) socket.destroy();
        resolve(answer);
      } catch {
        fail('the signer answered something that is no answer');
      }
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      fail(`the signer cannot be reached: ${error.code}`, error.syscall === 'write' || error.syscall === 'connect');
    const onEnd = (): void => fail('the signer ended the connection');
    const timer = setTimeout(
      () => fail('the signer did not answer within the deadline'),
      expiresAt - performance.now(),
    );
    const done = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
    };
    socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);
    send(socket, head, body, () => {
      handedOver = true;
    });
  });
}

/** Writes head and body in chunks, each after the one before has drained; `last` is called right before the last one. */
function send(socket: Socket, head: Buffer, body: Uint8Array, last: () => void): void {
  const chunkAt = (at: number): Uint8Array => body.subarray(at, at + CHUNK);
  const from = (at: number, first: Uint8Array): void => {
    const final = at + CHUNK >= body.length;
    if (final) last();
    const chunk = Buffer.concat([first, chunkAt(at)]);
    if (final || socket.destroyed) {
      socket.write(chunk);
      return;
    }
    socket.write(chunk, (error) => {
      if (!error) from(at + CHUNK, new Uint8Array());
    });
  };
  from(0, head);
}
