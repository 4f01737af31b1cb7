// The API of technical administrators: HTTPS with client certificates, one file per resource. Builds the server and its scopes;
// what a request means is said in the files of the resources, what is decided about it in the use cases.

import { type FastifyInstance, fastify } from 'fastify';
import { type Meter, NO_METER } from '../meter.ts';
import { authenticate } from './actor.ts';
import { acceptBodies, readNoBodies } from './bodies.ts';
import { certificateListRoutes } from './certificate-list.ts';
import { certificateRoutes } from './certificates.ts';
import { capConnections } from './connections.ts';
import { deliveryReportRoutes } from './delivery-reports.ts';
import { describeRoutes, docsRoutes } from './docs.ts';
import { healthRoutes } from './health.ts';
import { type HttpLog, logRequests } from './http-log.ts';
import { API_LIMITS, type ApiLimits, apiRates, type CallerRates, nodeServerOptions } from './limits.ts';
import { commonOptions, endConnectionsOnClose } from './listener.ts';
import { measureRequests } from './measure.ts';
import { answerError, answerWithProblems } from './problem.ts';
import { problemTypeRoutes } from './problem-types.ts';
import { profileRoutes } from './profiles.ts';
import { createGate } from './rate-limits.ts';
import { renewalRoutes } from './renewal.ts';
import { revocationRoutes } from './revocation.ts';
import { Certificate, CertificateSummary, Problem, Revocation } from './schemas.ts';
import { type ServerTls, tlsServerOptions } from './tls.ts';
import type { ApiUseCases } from './use-cases.ts';
import { validateStrictly } from './validation.ts';

type ApiOptions = {
  /** without it no handshake succeeds: enough to inject requests */
  readonly tls?: ServerTls;
  readonly logger?: HttpLog;
  readonly limits?: ApiLimits;
  readonly rates?: CallerRates;
  readonly meter?: Meter;
};

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
} as const;

/** The API server, not yet listening. Its routes are known after `ready()`; `closeListeners` ends it. */
export function buildApi(
  useCases: ApiUseCases,
  { tls, logger: log, meter = NO_METER, limits = API_LIMITS, rates = apiRates() }: ApiOptions = {},
): FastifyInstance {
  const gate = createGate(rates);
  const app: FastifyInstance = fastify({
    ...commonOptions(limits),
    https: {
      ...nodeServerOptions(limits),
      ...tlsServerOptions(tls),
      handshakeTimeout: limits.handshakeTimeout,
    },
    frameworkErrors: (error, request, reply) =>
      gate.turnAway(request, reply) ?? answerError(error, request, reply, log),
  });
  if (log !== undefined) logRequests(app, log);
  measureRequests(app, meter);
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  const admit = capConnections(app, limits, gate);
  endConnectionsOnClose(app);
  answerWithProblems(app, { log, countLost: gate.countStranger });
  validateStrictly(app);
  readNoBodies(app);
  for (const schema of [Problem, Certificate, CertificateSummary, Revocation]) app.addSchema(schema);
  describeRoutes(app);
  app.register(async (open) => {
    open.addHook('onRequest', gate.countStranger);
    healthRoutes(open, useCases);
    problemTypeRoutes(open);
    docsRoutes(open);
  });
  app.register(async (mail) => {
    mail.addHook('onRequest', gate.countStranger);
    deliveryReportRoutes(mail, useCases);
  });
  app.register(async (known) => {
    known.addHook('onRequest', gate.countStranger);
    authenticate(known, useCases);
    known.addHook('onRequest', gate.countActor);
    known.addHook('onRequest', async ({ raw: { socket } }) => admit(socket));
    acceptBodies(known);
    certificateListRoutes(known, useCases, { log, limits });
    certificateRoutes(known, useCases);
    renewalRoutes(known, useCases);
    revocationRoutes(known, useCases);
    profileRoutes(known, useCases);
  });
  return app;
}
