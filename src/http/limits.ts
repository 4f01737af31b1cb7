// How much of everything a caller may take. Sizes are in bytes, times in milliseconds; slow and greedy clients end here.

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
};

export const API_LIMITS: ServerLimits = {
  bodyLimit: 256 * 1024,
  maxHeaderSize: 16 * 1024,
  maxParamLength: 100,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionTimeout: 90_000,
  keepAliveTimeout: 15_000,
  maxRequestsPerSocket: 1_000,
};

export const PUBLIC_LIMITS: ServerLimits = {
  bodyLimit: 10 * 1024,
  maxHeaderSize: 8 * 1024,
  maxParamLength: 4 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionTimeout: 30_000,
  keepAliveTimeout: 5_000,
  maxRequestsPerSocket: 1_000,
};

/** A JSON body of ours has three levels and a handful of values; a body beyond these is not one. */
export const JSON_LIMITS = { depth: 16, values: 2_000 } as const;

/** No answer lists more than this many findings of one body. */
export const MAX_FINDINGS = 20;

/** A TLS handshake that is not done by then is dropped. */
export const HANDSHAKE_TIMEOUT = 10_000;

/** How often Node looks for requests that are too slow. */
const CONNECTIONS_CHECKING_INTERVAL = 2_000;

/** What Node's own server takes of the limits; Fastify takes the rest. */
export const nodeServerOptions = (limits: ServerLimits) => ({
  maxHeaderSize: limits.maxHeaderSize,
  headersTimeout: limits.headersTimeout,
  requestTimeout: limits.requestTimeout,
  connectionsCheckingInterval: CONNECTIONS_CHECKING_INTERVAL,
});
