import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { type Call, serveConnection } from '#hsm/connection.ts';
import { encodeFrame } from '#hsm/frames.ts';

/** A caller's end that takes the first octets of what is written and then reads no more. */
const deafSocket = (): Duplex => new Duplex({ read: () => undefined, write: () => undefined });

test('a caller that asks again without having read its answer is cut off', async () => {
  const socket = deafSocket();
  let begun = 0;
  const begin = (): Call => {
    begun += 1;
    const finish = async () => ({ kind: 'destroyed', existed: false }) as const;
    return { bodyLength: 0, write: () => undefined, finish };
  };
  // The streams of Node are what a connection uses of a socket.
  serveConnection(socket as unknown as Socket, { deadlineMs: 5_000, begin, onError: () => undefined });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const question = encodeFrame({ op: 'health', deadlineMs: 5_000 });
  for (let asked = 0; asked < 3; asked += 1) {
    socket.push(question);
    await new Promise(setImmediate);
  }
  await closed;
  expect(begun).toBe(2);
});
