// A signer that says it is ready and answers every request to sign with octets of the test's own, on the sockets of the real one.

import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import {
  encodeFrame,
  openFrameReader,
  parseRequest,
  REQUEST_HEADER_LIMIT,
  type SignerAnswer,
  type SignerHealth,
  type SignerRequest,
} from '#hsm/frames.ts';

/** The signature that a request to sign is answered with. */
type Lie = (request: Extract<SignerRequest, { op: 'sign' }>) => Uint8Array;

export type LyingSigner = { stop(): void };

/** Listens where these roles look for their signer, whose process must have ended. */
export async function startLyingSigner(directory: string, roles: readonly string[], lie: Lie): Promise<LyingSigner> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  for (const role of roles) {
    const path = join(directory, role, 'signer.sock');
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      answerAll(socket, lie);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    servers.push(server);
  }
  return {
    stop() {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function answerAll(socket: Socket, lie: Lie): void {
  const readFrame = openFrameReader(REQUEST_HEADER_LIMIT);
  let asked: SignerRequest | undefined;
  let left = 0;
  socket.on('data', (chunk) => {
    let rest: Uint8Array = chunk;
    while (rest.length > 0) {
      if (asked === undefined) {
        const head = readFrame(rest);
        if (head === undefined) return;
        asked = parseRequest(head.header);
        left = asked.op === 'sign' ? asked.bodyLength : 0;
        rest = head.rest;
      }
      const part = Math.min(left, rest.length);
      left -= part;
      rest = rest.subarray(part);
      if (left > 0) return;
      socket.write(encodeFrame(answerTo(asked, lie)));
      asked = undefined;
    }
  });
}

function answerTo(request: SignerRequest, lie: Lie): SignerAnswer {
  if (request.op === 'sign') return { kind: 'signature', signature: Buffer.from(lie(request)).toString('hex') };
  const health: SignerHealth = {
    ...{ ready: true, token: 'lies', state: 'open', loggedIn: true, pinLatch: 'clear', missingKeys: [] },
    ...{ breaker: 'closed', queued: 0, inFlight: 0 },
  };
  return { kind: 'health', health };
}
