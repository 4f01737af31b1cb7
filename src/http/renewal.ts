// GET /v1/certificates/{id}/renewal-window: when to renew, for programs that ask now and then.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { INCIDENTS } from '../policy/renewal.ts';
import { actorOf } from './actor.ts';
import { CertificateParams, closed, json, problems } from './schemas.ts';
import type { ApiUseCases } from './use-cases.ts';

/** RFC 9773 §4.3.2 Server Choice of Retry-After: six hours are enough to hear of an incident within the day. */
const RETRY_AFTER_SECONDS = 21_600;

const moment = (description: string, example: string) =>
  Type.String({ description, format: 'date-time', examples: [example] });

const Window = Type.Object(
  {
    suggestedWindow: Type.Object(
      {
        start: moment('From this moment on.', '2029-09-21T13:58:00.000Z'),
        end: moment('Not later than this.', '2029-10-21T13:58:00.000Z'),
      },
      { ...closed, description: 'Choose a moment in it at random. A window in the past means: now.' },
    ),
    reason: Type.Unsafe<string>({
      type: 'string',
      enum: ['end_of_validity', ...INCIDENTS],
      description:
        'Why then: its validity ends, or it was revoked, or an authority above it, or its key was barred. After an incident the window is past.',
    }),
  },
  closed,
);

const windowSchema = {
  operationId: 'findRenewalWindow',
  tags: ['certificates'],
  summary: 'When to renew a certificate',
  description:
    'A window before the end of its validity, and one in the past after an incident. Renewing is a new order, with a new key. Ask again when Retry-After says.',
  security: [{ clientCertificate: [] }],
  params: CertificateParams,
  response: {
    200: {
      ...json('The window.', Window),
      headers: { 'Retry-After': { type: 'integer', description: 'Seconds until it makes sense to ask again.' } },
    },
    ...problems(401, 404, 429, 500, 503),
  },
};

export function renewalRoutes(app: FastifyInstance, useCases: Pick<ApiUseCases, 'findRenewalWindow'>): void {
  app.get<{ Params: Static<typeof CertificateParams> }>(
    '/v1/certificates/:id/renewal-window',
    { schema: windowSchema },
    async function findRenewalWindow(request, reply) {
      const { start, end, reason } = await useCases.findRenewalWindow({
        id: request.params.id,
        actor: actorOf(request),
      });
      return reply
        .header('retry-after', String(RETRY_AFTER_SECONDS))
        .send({ suggestedWindow: { start: start.toISOString(), end: end.toISOString() }, reason });
    },
  );
}
