// Every answered request told to the meter: by operation and status, never by URL.

import type { FastifyInstance } from 'fastify';
import type { Meter } from '../meter.ts';
import { operationOf } from './http-log.ts';

export function measureRequests(app: FastifyInstance, meter: Meter): void {
  app.addHook('onResponse', async (request, reply) => {
    const operation = operationOf(request.routeOptions.schema) ?? 'none';
    meter.httpRequest(operation, reply.statusCode, reply.elapsedTime / 1_000);
  });
}
