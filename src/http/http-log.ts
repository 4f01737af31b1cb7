// What the adapters need of a log: pino fits, and so does a list in a test. One line per request, by operation and never by URL,
// because URLs can carry identifiers of structures.

import type { FastifyInstance } from 'fastify';

export type HttpLog = {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
};

export function logRequests(app: FastifyInstance, log: HttpLog): void {
  app.addHook('onResponse', async (request, reply) => {
    log.info(
      {
        request: request.id,
        method: request.method,
        operation: operationOf(request.routeOptions.schema),
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
}

/** The operationId of a route, for logs and findings; routes without one are not part of the contract. */
export const operationOf = (schema: unknown): string | undefined =>
  typeof schema === 'object' && schema !== null && 'operationId' in schema && typeof schema.operationId === 'string'
    ? schema.operationId
    : undefined;
