// A road to PostgreSQL that can lose a COMMIT: it hands everything on, both ways, and breaks off once, at a transaction that a test
// names, either after the COMMIT was handed on or instead.

import { mkdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** PostgreSQL's name for the socket of port 5432 in a folder. */
const SOCKET = '.s.PGSQL.5432';

/** A simple Query message (PostgreSQL, Message Formats): type, length, text, NUL. */
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');

export type Cut = {
  /** what a message of the transaction must contain: text of a statement, or the name of a prepared one */
  readonly transaction: string;
  /** whether the server still gets the COMMIT */
  readonly commits: boolean;
};

export type CommitProxy = {
  readonly url: string;
  /** Breaks off at the next COMMIT of such a transaction, once. */
  loseCommit(cut: Cut): void;
  close(): void;
};

/** Listens in `folder` and leads to the server whose socket is in `target`. */
export async function openCommitProxy(folder: string, target: string): Promise<CommitProxy> {
  mkdirSync(folder, { recursive: true });
  const sockets = new Set<Socket>();
  let wanted: Cut | undefined;
  const server = createServer((client) => {
    const upstream = connect(join(target, SOCKET));
    let statements = '';
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroySoon();
      });
    }
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      statements = text.includes('begin isolation') ? text : statements + text;
      if (wanted === undefined || !chunk.equals(COMMIT) || !statements.includes(wanted.transaction)) {
        upstream.write(chunk);
        return;
      }
      if (wanted.commits) upstream.write(chunk);
      wanted = undefined;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, SOCKET), resolve));
  return {
    url: `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`,
    loseCommit(cut) {
      wanted = cut;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
