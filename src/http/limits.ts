// How much of everything a caller may take. Sizes are in bytes, times in milliseconds; slow and greedy clients end here.

import type { Config } from '../config.ts';
import type { Rate } from './rate.ts';

/** Times and counts of one listening server, in the names that Node and Fastify give them. */
export type ServerLimits = {
  readonly bodyLimit: number;
  readonly maxHeaderSize: number;
  /** longest path parameter */
  readonly maxParamLength: number;
  readonly headersTimeout: number;
  /** until the whole request, body included, has arrived */
  readonly requestTimeout: number;
  /** silence on a connection; above every deadline of a use case */
  readonly connectionTimeout: number;
  readonly keepAliveTimeout: number;
  readonly maxRequestsPerSocket: number;
  /** open connections at once; one more is closed before it is read */
  readonly maxConnections: number;
  /** of these, from one address: a hospital behind one address has room, and leaves room for others */
  readonly maxConnectionsPerAddress: number;
  /** how often slow requests are looked for */
  readonly checkingInterval: number;
};

/** The API's, whose connections begin with a TLS handshake. */
export type ApiLimits = ServerLimits & {
  /** a handshake that is not done by then is dropped */
  readonly handshakeTimeout: number;
  /** an extract that is not read to its end by then breaks off */
  readonly extractDeadline: number;
  /** extracts under way at once */
  readonly extractsPerAdministrator: number;
  /** open connections behind which no administrator was recognised yet: whoever fills these shuts nobody out who is known */
  readonly strangers: {
    readonly perAddress: number;
    /** behind an address where an administrator was recognised lately: their next connections begin unrecognised, too */
    readonly perKnownAddress: number;
    readonly inAll: number;
  };
};

export const API_LIMITS: ApiLimits = {
  // the PIN of a card is typed while its handshake waits; what strangers can hold open meanwhile, `strangers` bounds
  handshakeTimeout: 30_000,
  extractDeadline: 300_000,
  extractsPerAdministrator: 4,
  strangers: { perAddress: 50, perKnownAddress: 250, inAll: 1_500 },
  bodyLimit: 256 * 1024,
  maxHeaderSize: 16 * 1024,
  maxParamLength: 100,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionTimeout: 90_000,
  keepAliveTimeout: 15_000,
  maxRequestsPerSocket: 1_000,
  maxConnections: 2_000,
  maxConnectionsPerAddress: 500,
  checkingInterval: 2_000,
};

export const PUBLIC_LIMITS: ServerLimits = {
  bodyLimit: 10 * 1024,
  maxHeaderSize: 8 * 1024,
  maxParamLength: 4 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionTimeout: 15_000,
  keepAliveTimeout: 2_000,
  maxRequestsPerSocket: 1_000,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 500,
  checkingInterval: 2_000,
};

/** A JSON body of ours has three levels and a handful of values; a body beyond these is not one. */
export const JSON_LIMITS = { depth: 16, values: 2_000 } as const;

/** No answer lists more than this many findings of one body. */
export const MAX_FINDINGS = 20;

/** How often callers may come; what is absent is no limit. What a caller is: rate-limits.ts. */
export type CallerRates = {
  /** orders and revocations of one administrator */
  readonly acts: Rate | undefined;
  /** everything else that one administrator asks for */
  readonly reads: Rate | undefined;
  /** requests of one address behind which no administrator has been recognised, and apart from them its connections */
  readonly strangers: Rate | undefined;
};

/** An address behind which an administrator was recognised within this time, in milliseconds, … */
export const KNOWN_FOR = 3_600_000;
/** … has so many times a stranger's rates: one stranger behind a hospital's address does not shut the hospital out. */
export const KNOWN_FACTOR = 10;

/** Who was silent for ten seconds may ask for as much at once. */
const rate = (perSecond: number): Rate | undefined =>
  perSecond === 0 ? undefined : { perSecond, burst: 10 * perSecond };

/** The API's, unless the environment says otherwise; 0 there is no limit. */
export const apiRates = (config: Partial<Config> = {}): CallerRates => ({
  acts: rate(config.API_ACTS_PER_SECOND ?? 20),
  reads: rate(config.API_READS_PER_SECOND ?? 50),
  strangers: rate(config.API_STRANGERS_PER_SECOND ?? 50),
});

/** Requests of one address to the public role: a hospital of ten thousand workstations may have one address. */
export const publicRate = (config: Partial<Config> = {}): Rate | undefined =>
  rate(config.PUBLIC_REQUESTS_PER_SECOND ?? 1_000);

/** Of those, questions to the directory, and to the store where it answers as a directory would: enough for people, too few to copy it. */
const DIRECTORY_SHARE = 100;

export const directoryRate = (all: Rate | undefined): Rate | undefined =>
  all && { perSecond: all.perSecond / DIRECTORY_SHARE, burst: Math.max(1, all.burst / DIRECTORY_SHARE) };

/** What Node's own server takes of the limits; Fastify takes the rest. */
export const nodeServerOptions = (limits: ServerLimits) => ({
  maxHeaderSize: limits.maxHeaderSize,
  headersTimeout: limits.headersTimeout,
  requestTimeout: limits.requestTimeout,
  connectionsCheckingInterval: limits.checkingInterval,
});
