// A Unix socket for one role, in a folder of its own. Node cannot tell who is at the other end of a socket, so that the folder's
// permissions are what tells the roles apart.
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { Refusal } from '../src/errors.ts';

/** sockaddr_un holds 108 octets, the last of which is NUL. */
const LONGEST_PATH = 107;
/** Sixteen for each copy of a role; each holds one short structure at most. */
const MOST_CONNECTIONS = 256;

/**
 * Listens on `path`, whose folder is made with mode 0700 where it is missing: for one account alone. For callers of another account
 * a supervisor makes it beforehand, owned by the signer, with the caller's group and mode 2710: the group may enter, and
 * set-group-ID gives that group to the socket, which is 0660. A socket that nobody answers any more is removed. Throws Refusal `configuration_invalid`.
 */
export async function listenForRole(path: string, serve: (socket: Socket) => void): Promise<Server> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw invalid(
      path,
      `a socket's path has at most ${LONGEST_PATH} octets; this one has ${Buffer.byteLength(path)}`,
      'choose a shorter folder',
    );
  }
  prepareFolder(dirname(path));
  if (await isAnswered(path)) throw invalid(path, 'another signer answers here', 'stop it first');
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw invalid(path, 'a folder stands where the socket goes', 'remove it');
  rmSync(path, { force: true });
  const server = createServer(serve);
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o660);
  return server;
}

const invalid = (at: string, detail: string, remedy: string): Refusal =>
  new Refusal('configuration_invalid', `the signer cannot listen: ${detail}`, [
    { rule: 'sockets of the signer', at, detail, remedy },
  ]);

function prepareFolder(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  // Its group may go through it to the socket; whoever could write there would put a socket of their own in its place.
  if (!found.isDirectory() || (found.mode & 0o027) !== 0 || !isOurs(found.uid)) {
    throw invalid(folder, 'others may enter or change the folder, or it is none', 'remove it, or give it mode 0700');
  }
}

const isOurs = (uid: number): boolean => uid === 0 || uid === process.geteuid?.();

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
