// One caller's connection to the signer: reads a request, hands over its body as it comes, answers, and waits for the next one.
// Whatever the caller does or leaves undone, it ends by the deadline and costs no more memory than one chunk.
import type { Socket } from 'node:net';
import { Outage } from '../src/errors.ts';
import {
  encodeFrame,
  openFrameReader,
  parseRequest,
  REQUEST_HEADER_LIMIT,
  type SignerAnswer,
  type SignerRequest,
  toAnswer,
} from './frames.ts';

/** A request under way: its body goes in by `write`, and `finish` gives the answer. Both may throw Refusal or Outage. */
export type Call = {
  readonly bodyLength: number;
  write(chunk: Uint8Array): void;
  finish(): Promise<SignerAnswer>;
};

export type ConnectionOptions = {
  readonly deadlineMs: number;
  /** Begins a call; `expiresAt` is on the clock of performance.now(). Throws Refusal or Outage. */
  readonly begin: (request: SignerRequest, expiresAt: number) => Call;
  /** Hears of everything that was not answered with what was asked for. */
  readonly onError: (error: unknown) => void;
};

type Phase =
  | { readonly name: 'idle' | 'header' | 'busy' | 'drain' }
  | { readonly name: 'body'; readonly call: Call; left: number };

export type Connection = {
  /**
   * Ends the connection: at once, or after the answer that is under way. The caller is told that nothing else was begun, which
   * is also the answer to whatever it has just sent.
   */
  goodbye(): void;
};

/** Serves requests on `socket` until it ends. */
export function serveConnection(socket: Socket, options: ConnectionOptions): Connection {
  const readFrame = openFrameReader(REQUEST_HEADER_LIMIT);
  let phase: Phase = { name: 'idle' };
  let expiresAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let leaving = false;

  const answer = (message: SignerAnswer): void => {
    // Whoever asks again has read what it was told: answers that nobody reads would be its memory, in ours.
    if (socket.writableLength > 0) socket.destroy();
    else socket.write(encodeFrame(message));
  };
  /** Answers before the body has come: the rest of it is read and dropped, for a reset would take the answer with it. */
  const answerAndEnd = (error: unknown): void => {
    options.onError(error);
    phase = { name: 'drain' };
    answer({ ...toAnswer(error), last: true });
    socket.end();
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), options.deadlineMs);
  };
  const startClock = (): void => {
    expiresAt = performance.now() + options.deadlineMs;
    timer = setTimeout(() => {
      if (phase.name === 'busy') return;
      answerAndEnd(new Outage('hsm', 'the request did not come whole within the deadline', { signature: 'none' }));
    }, options.deadlineMs);
  };
  const finish = (call: Call): void => {
    phase = { name: 'busy' };
    clearTimeout(timer);
    socket.pause();
    const settle = (message: SignerAnswer): void => {
      // a caller that did not wait for its answer was told so already
      if (phase.name !== 'busy') return;
      phase = { name: leaving ? 'drain' : 'idle' };
      answer(leaving ? { ...message, last: true } : message);
      if (leaving) socket.end();
      socket.resume();
    };
    call.finish().then(settle, (error: unknown) => {
      options.onError(error);
      settle(toAnswer(error));
    });
  };
  const takeHeader = (chunk: Uint8Array): Uint8Array => {
    if (phase.name === 'idle') startClock();
    phase = { name: 'header' };
    const head = readFrame(chunk);
    if (head === undefined) return new Uint8Array();
    const request = parseRequest(head.header);
    expiresAt = Math.min(expiresAt, performance.now() + request.deadlineMs);
    const call = options.begin(request, expiresAt);
    phase = { name: 'body', call, left: call.bodyLength };
    if (call.bodyLength === 0) finish(call);
    return head.rest;
  };
  const takeBody = (body: Extract<Phase, { name: 'body' }>, chunk: Uint8Array): Uint8Array => {
    const part = chunk.subarray(0, body.left);
    body.left -= part.length;
    body.call.write(part);
    if (body.left === 0) finish(body.call);
    return chunk.subarray(part.length);
  };

  socket.on('data', (chunk) => {
    let rest: Uint8Array = chunk;
    try {
      while (rest.length > 0 && phase.name !== 'drain') {
        // the first request goes on: of its signature nothing is known here
        if (phase.name === 'busy')
          throw new Outage('hsm', 'one request at a time on a connection', { signature: 'unknown' });
        rest = phase.name === 'body' ? takeBody(phase, rest) : takeHeader(rest);
      }
    } catch (error) {
      answerAndEnd(error);
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer));

  return {
    goodbye() {
      leaving = true;
      if (phase.name === 'busy' || phase.name === 'drain') return;
      answerAndEnd(new Outage('hsm', 'the signer is closing', { signature: 'none' }));
    },
  };
}
