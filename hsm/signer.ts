// The signer process: one token, a Unix socket for each role that may ask something of it, and nothing else. It opens no network
// and no database, and stays up when its token is away: then it answers so.
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { Outage, Refusal } from '../src/errors.ts';
import { openBreaker } from './breaker.ts';
import { type Call, type Connection, type ConnectionOptions, serveConnection } from './connection.ts';
import { type Gate, openGate } from './gate.ts';
import { RIGHTS, type Role, type TokenKind } from './purpose.ts';
import { listenForRole } from './role-socket.ts';
import { type Desk, openDesk } from './signing-desk.ts';
import { type AuthorityFile, type IssuingKey, isRoot, readAuthorities } from './signing-key.ts';
import { type LineOptions, openTokenLine, type TokenLine } from './token-line.ts';

export type SignerConfig = {
  readonly token: TokenKind;
  /** path of the PKCS#11 module */
  readonly module: string;
  readonly tokenLabel: string;
  readonly pinFile: string;
  /** the sockets are `<socketDirectory>/<role>/signer.sock`; each token wants a folder of its own */
  readonly socketDirectory: string;
  /** where the PIN latch is kept: the signer's own, on a disk that outlives it */
  readonly stateDirectory: string;
  /** every CA of the hierarchy, roots included */
  readonly authorities: readonly AuthorityFile[];
  /** from the first octet of a request to its answer; 5 s unless told */
  readonly signingDeadlineMs?: number;
  readonly log: (event: object) => void;
  /** the signer's clock; tests hand in their own */
  readonly clock?: () => Date;
  readonly limits?: Partial<SignerLimits>;
};

export type SignerLimits = {
  /** signatures that the token makes at once */
  readonly sessions: number;
  /** requests that may wait for the token */
  readonly queue: number;
  readonly keyGenerationMs: number;
  readonly breakerFailures: number;
  readonly breakerBackoffMs: { readonly first: number; readonly longest: number };
  readonly reopenMs: { readonly first: number; readonly longest: number };
  /** how often an idle token is looked at */
  readonly probeMs: number;
  /** beyond the deadline, before the process ends itself because its token froze it */
  readonly watchdogMarginMs: number;
  /** for opening the token, before the same */
  readonly openingMs: number;
  /** how far times inside lists and answers may be from the signer's clock */
  readonly clockToleranceMs: number;
};

const DEADLINE_MS = 5_000;
const LIMITS: SignerLimits = {
  sessions: 4,
  queue: 256,
  keyGenerationMs: 60_000,
  breakerFailures: 5,
  breakerBackoffMs: { first: 1_000, longest: 30_000 },
  reopenMs: { first: 250, longest: 10_000 },
  probeMs: 5_000,
  watchdogMarginMs: 5_000,
  openingMs: 60_000,
  clockToleranceMs: 10 * 60_000,
};

const KEY_REQUESTS_WAITING = 8;
const FAIR_MS = 1_000;
const LET_GO_MS = 2_000;

export type RunningSigner = {
  /** Takes no more requests, lets those under way end, logs out. Ends the process by SIGKILL when the token does not let go. */
  close(): Promise<void>;
};

/**
 * Starts a signer; resolves once every socket listens, whether or not the token is there. Throws Refusal `configuration_invalid`
 * for certificates that cannot be read and sockets that cannot be.
 */
export async function runSigner(config: SignerConfig): Promise<RunningSigner> {
  const limits = { ...LIMITS, ...config.limits };
  const deadlineMs = config.signingDeadlineMs ?? DEADLINE_MS;
  const authorities = readAuthorities(config.authorities);
  const backoff = {
    failures: limits.breakerFailures,
    backoffMs: limits.breakerBackoffMs,
    now: () => performance.now(),
  };
  const breaker = openBreaker(backoff);
  const fairMs = Math.min(FAIR_MS, deadlineMs / 2);
  const signing = openGate({ width: limits.sessions, places: limits.queue, breaker, fairMs });
  const keys = openGate({ width: 1, places: KEY_REQUESTS_WAITING, breaker: openBreaker(backoff), fairMs });
  // The sockets first: a second signer learns that there is one before it spends a try of the PIN.
  const sockets = openSockets(config, deadlineMs);
  await sockets.listen();
  const line = openTokenLine({
    thread: threadOptions(config, limits, authorities),
    frozenAfter: { openMs: deadlineMs + limits.watchdogMarginMs, openingMs: limits.openingMs },
    isStuck: () => signing.isStuck(limits.watchdogMarginMs) || keys.isStuck(limits.watchdogMarginMs),
    log: config.log,
  });
  const desk = openDesk({
    token: config.token,
    tokenLabel: config.tokenLabel,
    authorities,
    line,
    signing,
    keys,
    breaker,
    clock: config.clock ?? (() => new Date()),
    toleranceMs: limits.clockToleranceMs,
    keyGenerationMs: limits.keyGenerationMs,
    onSigning: (event) => config.log({ event: 'signer.signing', ...event }),
  });
  sockets.serve(desk);
  return { close: () => close({ sockets, gates: [signing, keys], line, deadlineMs }) };
}

function threadOptions(
  config: SignerConfig,
  limits: SignerLimits,
  authorities: readonly IssuingKey[],
): LineOptions['thread'] {
  const { module, tokenLabel, pinFile, stateDirectory, token } = config;
  const { sessions, reopenMs, probeMs } = limits;
  const writable = Object.values(RIGHTS[token]).some(({ manageKeys }) => manageKeys);
  const expectedKeys = token === 'issuing' ? authorities.filter((key) => !isRoot(key)).map(plain) : [];
  return { module, tokenLabel, pinFile, stateDirectory, sessions, writable, expectedKeys, reopenMs, probeMs };
}

const plain = ({ id, keyId, spki }: { id: string; keyId: Uint8Array; spki: Uint8Array }) => ({ id, keyId, spki });

type BeginArguments = Parameters<ConnectionOptions['begin']>;

type Sockets = {
  readonly servers: readonly Server[];
  readonly open: ReadonlyMap<Socket, Connection>;
  /** Listens for every role. Until `serve` has given them a desk, whoever asks is told to come back. */
  listen(): Promise<void>;
  serve(desk: Desk): void;
};

function openSockets(config: SignerConfig, deadlineMs: number): Sockets {
  const open = new Map<Socket, Connection>();
  const servers: Server[] = [];
  let desk: Desk | undefined;
  const begin: (role: Role, ...asked: BeginArguments) => Call = (role, ...asked) => {
    if (desk === undefined) throw new Outage('hsm', 'the signer is starting', { signature: 'none' });
    return desk.begin(role, ...asked);
  };
  return {
    servers,
    open,
    async listen() {
      for (const role of Object.keys(RIGHTS[config.token]) as Role[]) {
        const serve = (socket: Socket): void => {
          socket.once('close', () => open.delete(socket));
          const connection = serveConnection(socket, {
            deadlineMs,
            begin: (...asked) => begin(role, ...asked),
            onError: (error) => config.log(describe(role, error)),
          });
          open.set(socket, connection);
        };
        servers.push(await listenForRole(join(config.socketDirectory, role, 'signer.sock'), serve));
      }
    },
    serve(opened) {
      desk = opened;
    },
  };
}

/** A log line: rules and return values, never the bytes that were to be signed. */
function describe(role: Role, error: unknown): object {
  if (error instanceof Refusal) return { event: 'signer.refused', caller: role, findings: error.findings };
  if (error instanceof Outage)
    return { event: 'signer.outage', caller: role, detail: error.message, signature: error.signature };
  return {
    event: 'signer.bug',
    caller: role,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

type Closing = {
  readonly sockets: Sockets;
  readonly gates: readonly Gate[];
  readonly line: TokenLine;
  readonly deadlineMs: number;
};

async function close({ sockets, gates, line, deadlineMs }: Closing): Promise<void> {
  for (const server of sockets.servers) server.close();
  for (const connection of sockets.open.values()) connection.goodbye();
  const until = performance.now() + deadlineMs;
  while (gates.some((gate) => gate.queued() + gate.inFlight() > 0) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await line.close(LET_GO_MS);
  for (const socket of sockets.open.keys()) socket.destroy();
}
