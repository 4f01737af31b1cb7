// What anyone may fetch, over plain HTTP because everything in it is signed: CRLs, CA certificates, OCSP, the certificate
// store. Nothing here knows a caller, and every path is looked up exactly or not at all.

import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { Refusal } from '../../errors.ts';
import { type Meter, NO_METER } from '../../meter.ts';
import { capConnections } from '../connections.ts';
import { healthRoutes } from '../health.ts';
import { type HttpLog, logRequests } from '../http-log.ts';
import { directoryRate, nodeServerOptions, PUBLIC_LIMITS, publicRate, type ServerLimits } from '../limits.ts';
import { commonOptions, endConnectionsOnClose } from '../listener.ts';
import { measureRequests } from '../measure.ts';
import { answerError, answerWithProblems } from '../problem.ts';
import { problemTypeRoutes } from '../problem-types.ts';
import type { Rate } from '../rate.ts';
import { limitAddresses, limitByAddress } from '../rate-limits.ts';
import type { PublicUseCases } from '../use-cases.ts';
import { validateStrictly } from '../validation.ts';
import { sendAuthorityFile } from './authorities.ts';
import { sendCrl } from './crl.ts';
import { directoryRoutes } from './directory.ts';
import { answerGet, answerPost, type OcspService, ocspText } from './ocsp.ts';
import { decodedPath } from './path.ts';
import { storeRoutes } from './store.ts';

type PublicOptions = {
  readonly logger?: HttpLog;
  readonly meter?: Meter;
  /** for max-age and Expires; the machine's clock unless a test hands in its own */
  readonly clock?: () => Date;
  readonly limits?: ServerLimits;
  /** requests of one address; undefined is no limit */
  readonly rate?: Rate | undefined;
};

const OCSP_REQUEST = 'application/ocsp-request';

/** The public server, not yet listening; `closeListeners` ends it. */
export function buildPublic(
  useCases: PublicUseCases,
  { logger: log, meter = NO_METER, clock = () => new Date(), limits = PUBLIC_LIMITS, ...options }: PublicOptions = {},
): FastifyInstance {
  const app: FastifyInstance = fastify({
    ...commonOptions(limits),
    http: nodeServerOptions(limits),
    frameworkErrors: (error, request, reply) => turnAway(request, reply) ?? answerError(error, request, reply, log),
  });
  if (log !== undefined) logRequests(app, log);
  measureRequests(app, meter);
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
  });
  capConnections(app, limits);
  const rate = 'rate' in options ? options.rate : publicRate();
  const turnAway = limitAddresses(app, rate);
  endConnectionsOnClose(app);
  answerWithProblems(app, { log });
  validateStrictly(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(OCSP_REQUEST, { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => body);
  healthRoutes(app, useCases);
  problemTypeRoutes(app);
  // one bucket for both: they are two doors to the same names
  const limit = limitByAddress(directoryRate(rate));
  storeRoutes(app, useCases, { clock, limit });
  directoryRoutes(app, useCases, limit);
  const service: OcspService = { respondOcsp: (der) => useCases.respondOcsp(der), log };
  app.post<{ Body: Buffer }>('/', { schema: { operationId: 'respondOcsp' } }, async (request, reply) => {
    if (!Buffer.isBuffer(request.body))
      throw new Refusal('media_type_not_supported', `an OCSP request is ${OCSP_REQUEST}`);
    return answerPost(request, reply, { ...service, body: request.body });
  });
  app.get('/*', { schema: { operationId: 'findPublicFile' } }, async (request, reply) =>
    answerPath(request, reply, { useCases, service, now: clock() }),
  );
  return app;
}

type Asked = { readonly useCases: PublicUseCases; readonly service: OcspService; readonly now: Date };

/** A CRL, a CA's file or an OCSP request, in this order; anything else is not found. */
async function answerPath(
  request: FastifyRequest,
  reply: FastifyReply,
  { useCases, service, now }: Asked,
): Promise<FastifyReply> {
  const path = decodedPath(request.raw.url ?? '/');
  if (path === undefined) throw new Refusal('not_found', 'this path cannot be decoded');
  const text = ocspText(path);
  if (text !== undefined) return answerGet(request, reply, { ...service, text });
  const file = useCases.findAuthorityFile(path);
  if (file !== undefined) return sendAuthorityFile(request, reply, file, now);
  const crl = await useCases.findCrl(path);
  if (crl !== undefined) return sendCrl(request, reply, crl, now);
  throw new Refusal('not_found', 'nothing is published under this path');
}
