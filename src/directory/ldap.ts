// The only door to LDAP: one connection, bound before anything else, one operation at a time and each with a deadline. What
// goes wrong is an Outage of the whole directory or a fault of one entry, and neither tells a DN.

import { connect as connectSocket, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { Attribute, Change, Client, ResultCodeError } from 'ldapts';
import { Outage } from '../errors.ts';
import { allowLongRequests } from './ldap-lengths.ts';
import type { LdapSettings } from './settings.ts';
import type { Attributes } from './tree.ts';

/** The server refused one entry and may take others; `code` is its result code (RFC 4511 Appendix A LDAP Result Codes). */
export class EntryFault extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`the directory refused an entry with result code ${code}`);
    this.name = 'EntryFault';
    this.code = code;
  }
}

/**
 * The server would not or did not answer one operation. It may be away, or have something against this entry alone: whoever needs to
 * know asks for another. `code` is its result code, absent where it said nothing.
 */
export class NoAnswer extends Outage {
  readonly code: number | undefined;
  constructor(message: string, code?: number) {
    super('directory', message);
    this.code = code;
  }
}

/** An entry as it was found; attribute names in lower case. */
export type FoundEntry = { readonly dn: string; readonly attributes: ReadonlyMap<string, readonly Buffer[]> };

export type DirectoryConnection = {
  /** opens it where it is not: so that the next operation takes no longer than its deadline */
  open(): Promise<void>;
  /** whether it was added; `exists`, or `orphan` where there is nothing to put it under */
  add(dn: string, attributes: Attributes): Promise<'added' | 'exists' | 'orphan'>;
  /** sets these attributes to these values in one step, empty ones to none; false when there is no such entry */
  replace(dn: string, attributes: Attributes): Promise<boolean>;
  /** false when there is no such entry */
  remove(dn: string): Promise<boolean>;
  /** the entry with these attributes; undefined when there is none */
  read(dn: string, attributes: readonly string[]): Promise<FoundEntry | undefined>;
  /** every entry from `base` down, page by page; nothing when there is no base */
  pages(base: string, attributes: readonly string[]): AsyncGenerator<readonly FoundEntry[]>;
  close(): Promise<void>;
};

const CODE = { noSuchObject: 32, alreadyExists: 68 } as const;

/**
 * Result codes that say nothing of the entry: operationsError, protocolError, limits, referral, TLS wanted, wrong credentials, no
 * right to write, busy, away, unwilling (as a server that only reads is).
 */
const OF_THE_SERVER: ReadonlySet<number> = new Set([1, 2, 3, 4, 7, 8, 10, 11, 13, 48, 49, 50, 51, 52, 53]);

/** Entries in one page of a search. */
const PAGE = 500;

/** A connection that opens itself at the first operation, and again after each one that failed. `timeoutMs` is for each operation. */
export function openConnection(settings: LdapSettings, timeoutMs: number): DirectoryConnection {
  allowLongRequests();
  let client: Client | undefined;
  const bound = async (): Promise<Client> => {
    if (client?.isBound === true) return client;
    await drop();
    client = newClient(settings, timeoutMs);
    await withinDeadline(bind(client, settings), 2 * timeoutMs);
    return client;
  };
  const drop = async (): Promise<void> => {
    const dropped = client;
    client = undefined;
    await dropped?.unbind().catch(() => undefined);
  };
  const run = async <T>(operation: (client: Client) => Promise<T>): Promise<T> => {
    try {
      return await operation(await bound());
    } catch (error) {
      if (error instanceof ResultCodeError && !OF_THE_SERVER.has(error.code)) throw new EntryFault(error.code);
      await drop();
      throw translate(error);
    }
  };
  return {
    open: () => run(async () => undefined),
    add: (dn, attributes) =>
      unlessCode(
        run((ldap) => ldap.add(dn, toAttributes(attributes)).then(() => 'added' as const)),
        { [CODE.alreadyExists]: 'exists', [CODE.noSuchObject]: 'orphan' },
      ),
    replace: (dn, attributes) =>
      unlessCode(
        run((ldap) => ldap.modify(dn, toChanges(attributes)).then(() => true)),
        { [CODE.noSuchObject]: false },
      ),
    remove: (dn) =>
      unlessCode(
        run((ldap) => ldap.del(dn).then(() => true)),
        { [CODE.noSuchObject]: false },
      ),
    read: (dn, attributes) =>
      unlessCode<FoundEntry | undefined>(
        run(async (ldap) => {
          const { searchEntries } = await ldap.search(dn, { scope: 'base', attributes: [...attributes] });
          return searchEntries[0] && toFound(searchEntries[0]);
        }),
        { [CODE.noSuchObject]: undefined },
      ),
    async *pages(base, attributes) {
      // The first page is asked for before a connection can be told from a fault, so each page goes through the same door.
      const ldap = await run(async (one) => one);
      const search = ldap.searchPaginated(base, {
        scope: 'sub',
        attributes: [...attributes],
        paged: { pageSize: PAGE },
      });
      for (;;) {
        const page = await unlessCode(
          run(() => search.next()),
          { [CODE.noSuchObject]: undefined },
        );
        if (page === undefined || page.done === true) return;
        yield page.value.searchEntries.map(toFound);
      }
    },
    close: drop,
  };
}

function newClient({ at, security, ca, maxBytes = Number.POSITIVE_INFINITY }: LdapSettings, timeoutMs: number): Client {
  const limits = { timeout: timeoutMs, connectTimeout: timeoutMs };
  if (at.kind === 'socket') {
    // only the path counts: it is no network, and the host is never asked
    const createConnection = (() => connectSocket(at.path)) as typeof connectSocket;
    return new Client({ url: 'ldap://localhost', createConnection, ...limits });
  }
  const createConnection = ((port: number, host: string) =>
    endingAfter(maxBytes, connectSocket(port, host))) as typeof connectSocket;
  const createSecureConnection = ((port: number, host: string, options: ConnectionOptions) =>
    endingAfter(maxBytes, connectTls(port, host, options))) as typeof connectTls;
  const tls = security === 'tls' ? { tlsOptions: tlsOptions(at.host, ca) } : {};
  return new Client({ url: at.url, createConnection, createSecureConnection, ...limits, ...tls });
}

/** The library takes whatever comes into memory. */
function endingAfter<S extends Socket>(maxBytes: number, socket: S): S {
  if (maxBytes === Number.POSITIVE_INFINITY) return socket;
  let length = 0;
  return socket.on('data', ({ length: more }: Buffer) => {
    length += more;
    if (length > maxBytes) socket.destroy();
  });
}

/** Whatever a server has against us here, it has nothing against an entry. */
async function bind(client: Client, { at, security, ca, bindDn, password }: LdapSettings): Promise<void> {
  try {
    if (security === 'starttls' && at.kind === 'network') await client.startTLS(tlsOptions(at.host, ca));
    await client.bind(bindDn, password());
  } catch (error) {
    if (!(error instanceof ResultCodeError)) throw error;
    throw new Outage('directory', `the directory does not let us in: result code ${error.code}`);
  }
}

const tlsOptions = (host: string, ca: string | undefined): ConnectionOptions => ({
  host,
  minVersion: 'TLSv1.2',
  ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  ...(ca === undefined ? {} : { ca }),
});

/** The library gives a handshake after StartTLS no deadline. */
async function withinDeadline(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Outage('directory', 'the directory took too long to let us in')), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

/** The message of the library may quote a DN: only the class and the code go on. */
function translate(error: unknown): unknown {
  if (error instanceof ResultCodeError)
    return new NoAnswer(`the directory refuses us with result code ${error.code}`, error.code);
  if (error instanceof Error && error.constructor === Error)
    return new NoAnswer('the directory is away or does not answer');
  if (error instanceof Error && 'syscall' in error)
    return new NoAnswer(`the directory cannot be reached: ${'code' in error ? error.code : ''}`);
  return error;
}

async function unlessCode<T>(answer: Promise<T>, told: Readonly<Record<number, T>>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EntryFault && error.code in told) return told[error.code] as T;
    throw error;
  }
}

const toAttributes = (attributes: Attributes): Attribute[] =>
  Object.entries(attributes)
    .filter(([, values]) => values.length > 0)
    .map(([type, values]) => toAttribute(type, values));

const toChanges = (attributes: Attributes): Change[] =>
  Object.entries(attributes).map(
    ([type, values]) => new Change({ operation: 'replace', modification: toAttribute(type, values) }),
  );

const toAttribute = (type: string, values: Attributes[string]): Attribute =>
  new Attribute({ type, values: values.map((value) => unshown(value)) });

/**
 * The octets of a value. The library writes each request as JSON for a trace that is off: a list of 35 MB would cost it seconds and
 * half a gigabyte, and a name would stand in memory once more; so these octets have nothing to say there.
 */
function unshown(value: string | Uint8Array): Buffer {
  const octets =
    typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length);
  return Object.assign(octets, { toJSON: () => ({ type: 'Buffer' as const, data: [] }) });
}

function toFound({ dn, ...attributes }: { dn: string; [name: string]: unknown }): FoundEntry {
  const entries = Object.entries(attributes).map(([name, values]): [string, Buffer[]] => [
    name.toLowerCase(),
    (Array.isArray(values) ? values : [values]).map((value) =>
      Buffer.isBuffer(value) ? value : Buffer.from(String(value)),
    ),
  ]);
  return { dn, attributes: new Map(entries) };
}
