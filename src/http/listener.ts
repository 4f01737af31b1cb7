// What both servers have in common: request identifiers of our own, answers to connections that never became a request, an end
// that lets running requests finish.

import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { uuidv7 } from 'uuidv7';
import type { ServerLimits } from './limits.ts';
import { rawProblem } from './problem.ts';
import type { ProblemCode } from './problem-texts.ts';

const CLIENT_ERRORS: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'header_too_large',
};

/** What Node's HTTP parser and its clock find wrong; everything else that ends here is a broken connection or handshake. */
const SPOKE_HTTP = /^(HPE_|ERR_HTTP_)/;

/** A request that Node itself could not read: too slow, too large, or not HTTP. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  const code = error.code ?? '';
  if (!SPOKE_HTTP.test(code) || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.write(rawProblem(CLIENT_ERRORS[code] ?? 'request_malformed', uuidv7()));
  socket.destroySoon();
}

/** Options of Fastify that are the same for both servers. */
export const commonOptions = (limits: ServerLimits) => ({
  logger: false,
  bodyLimit: limits.bodyLimit,
  connectionTimeout: limits.connectionTimeout,
  requestTimeout: limits.requestTimeout,
  keepAliveTimeout: limits.keepAliveTimeout,
  maxRequestsPerSocket: limits.maxRequestsPerSocket,
  forceCloseConnections: 'idle' as const,
  // requests on connections that are still open are served to the end while the server closes
  return503OnClosing: false,
  requestIdHeader: false as const,
  genReqId: uuidv7,
  clientErrorHandler: answerClientError,
  routerOptions: { maxParamLength: limits.maxParamLength, caseSensitive: true },
});

/** While the server closes, each connection ends with the answer that is on its way. */
export function endConnectionsOnClose(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}

/**
 * Takes no new connections, lets running requests finish and ends idle connections; what still runs after `deadlineMs` is cut off.
 */
export async function closeListeners(listeners: readonly FastifyInstance[], deadlineMs = 20_000): Promise<void> {
  const cutOff = setTimeout(() => {
    for (const { server } of listeners) server.closeAllConnections();
  }, deadlineMs);
  try {
    await Promise.all(listeners.map((listener) => listener.close()));
  } finally {
    clearTimeout(cutOff);
  }
}
