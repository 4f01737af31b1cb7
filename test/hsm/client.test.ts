// The client against servers that do what a signer should not: what it says of the signature must hold whatever happens.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectSigner, type Signer } from '#hsm/client.ts';
import { encodeFrame, openFrameReader, type SignerAnswer } from '#hsm/frames.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import { unlinted } from '../helpers/test-hierarchy.ts';

let folder: string;
let path: string;
let server: Server | undefined;
let client: Signer;
const sockets = new Set<Socket>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'igc-client-'));
  path = join(folder, 's');
  client = connectSigner({ path, deadlineMs: 400 });
});
afterEach(async () => {
  await client.close();
  await stop();
  rmSync(folder, { recursive: true });
});

async function serve(onSocket: (socket: Socket) => void): Promise<void> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
}

async function stop(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  const stopping = server;
  server = undefined;
  if (stopping !== undefined) await new Promise((resolve) => stopping.close(resolve));
}

const KEY_ID = new Uint8Array(20).fill(1);
const SMALL = unlinted(new Uint8Array(500));
/** More than a socket's buffers hold. */
const LARGE = unlinted(new Uint8Array(20 * 1024 * 1024), 'crl');
const SIGNED: SignerAnswer = { kind: 'signature', signature: 'abcd' };

/** Calls `whole` for each request that has come with all of its body. */
function readRequests(socket: Socket, whole: () => void): void {
  let read = openFrameReader(1_000);
  let left = -1;
  socket.on('data', (chunk) => {
    if (left < 0) {
      const head = read(chunk);
      if (head === undefined) return;
      left = (head.header as { bodyLength?: number }).bodyLength ?? 0;
      left -= head.rest.length;
    } else left -= chunk.length;
    if (left > 0) return;
    left = -1;
    read = openFrameReader(1_000);
    whole();
  });
}

const outcomeOf = (structure = SMALL): Promise<string> =>
  client.sign(KEY_ID, structure).then(
    (signature) => Buffer.from(signature).toString('hex'),
    (error: unknown) => (error instanceof Outage ? error.signature : String(error)),
  );

test('nobody at the socket: none', async () => {
  expect(await outcomeOf()).toBe('none');
});

test('a signer that never reads the whole request: none, at the deadline', async () => {
  await serve((socket) => socket.pause());
  expect(await outcomeOf(LARGE)).toBe('none');
});

test('a signer that ends before it has read the whole request: none', async () => {
  await serve((socket) => socket.once('data', () => socket.destroy()));
  expect(await outcomeOf(LARGE)).toBe('none');
});

test('a signer that has read everything and says nothing: unknown, at the deadline', async () => {
  await serve((socket) => readRequests(socket, () => undefined));
  expect([await outcomeOf(), await outcomeOf(LARGE)]).toEqual(['unknown', 'unknown']);
});

test('a signer that dies with the whole request: unknown', async () => {
  await serve((socket) => readRequests(socket, () => socket.destroy()));
  expect(await outcomeOf()).toBe('unknown');
});

test.each<[string, Buffer]>([
  ['no JSON', Buffer.from([0, 0, 0, 1, 0x7b])],
  ['a frame without end', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['half a frame', Buffer.from([0, 0, 0, 9, 0x7b])],
  ['the answer to something else', encodeFrame({ kind: 'destroyed', existed: true })],
])('a signer that answers %s: unknown', async (_, answer) => {
  await serve((socket) => readRequests(socket, () => socket.end(answer)));
  expect(await outcomeOf()).toBe('unknown');
});

test('what the signer knows of the signature is passed on', async () => {
  const answers: SignerAnswer[] = [
    { kind: 'outage', detail: 'hung', signature: 'unknown' },
    { kind: 'outage', detail: 'away', signature: 'none' },
    SIGNED,
  ];
  await serve((socket) => readRequests(socket, () => socket.write(encodeFrame(answers.shift() ?? SIGNED))));
  expect([await outcomeOf(), await outcomeOf(), await outcomeOf()]).toEqual(['unknown', 'none', 'abcd']);
});

test('a refusal comes with its findings, even before everything was sent', async () => {
  const findings = [{ rule: 'limit of the signer', detail: 'too long' }];
  const refusal: SignerAnswer = { kind: 'refusal', code: 'signer_refused', detail: 'no', findings, last: true };
  await serve((socket) => {
    socket.once('data', () => socket.end(encodeFrame(refusal)));
  });
  const error = await client.sign(KEY_ID, LARGE).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Refusal);
  expect(error).toMatchObject({ code: 'signer_refused', findings });
});

test('connections are kept and used again, at most sixteen of them', async () => {
  let connections = 0;
  await serve((socket) => {
    connections += 1;
    readRequests(socket, () => socket.write(encodeFrame(SIGNED)));
  });
  await Promise.all(Array.from({ length: 100 }, () => outcomeOf()));
  expect(connections).toBe(16);
  expect(await outcomeOf()).toBe('abcd');
  expect(connections).toBe(16);
});

test('a signer that was restarted is connected to again', async () => {
  const answering = (socket: Socket): void => readRequests(socket, () => socket.write(encodeFrame(SIGNED)));
  await serve(answering);
  expect(await outcomeOf()).toBe('abcd');
  await stop();
  expect(await outcomeOf()).toBe('none');
  await serve(answering);
  expect(await outcomeOf()).toBe('abcd');
});

test('a goodbye on an idle connection is none of the next request’s answers', async () => {
  const goodbye: SignerAnswer = { kind: 'outage', detail: 'closing', signature: 'none', last: true };
  let first = true;
  await serve((socket) =>
    readRequests(socket, () => {
      socket.write(encodeFrame(SIGNED));
      if (first) socket.end(encodeFrame(goodbye));
      first = false;
    }),
  );
  expect([await outcomeOf(), await outcomeOf()]).toEqual(['abcd', 'abcd']);
});

test('nothing is asked after close', async () => {
  await client.close();
  expect(await outcomeOf()).toBe('none');
});
