// A road to PostgreSQL that can lose a COMMIT: it hands everything on, both ways, and breaks off once, at a transaction that a test
// names, either after the COMMIT was handed on or instead.

import { mkdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** PostgreSQL's name for the socket of port 5432 in a folder. */
const SOCKET = '.s.PGSQL.5432';

/** Simple Query messages (PostgreSQL, Message Formats): type, length, text, NUL. */
const COMMIT = 'Q\0\0\0\x0bcommit\0';
const ROLLBACK = 'Q\0\0\0\x0drollback\0';
/** Ends a prepared statement; outside a transaction it commits what the statement did. */
const SYNC = 'S\0\0\0\x04';

export type Cut = {
  /** what a message of the transaction must contain: text of a statement, or the name of a prepared one */
  readonly transaction: string;
  /** whether the server still gets the COMMIT, or the end of a statement that is a transaction by itself */
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
    let inTransaction = false;
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
      const begins = text.includes('begin isolation');
      statements = begins ? text : statements + text;
      inTransaction ||= begins;
      const commits = inTransaction ? text === COMMIT : text.endsWith(SYNC);
      if (wanted === undefined || !commits || !statements.includes(wanted.transaction)) {
        upstream.write(chunk);
        if (!commits && text !== ROLLBACK) return;
        inTransaction = false;
        statements = '';
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
