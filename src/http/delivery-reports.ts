// POST /v1/delivery-reports: a mail system hands in what came back (RFC 3464), where it cannot leave files in a folder. It has no card:
// it is known by a token, before a byte of the body is read.

import type { FastifyInstance } from 'fastify';
import { Refusal } from '../errors.ts';
import { acceptMessages, MESSAGE_BODY, requireBody } from './bodies.ts';
import { problems } from './schemas.ts';
import type { ApiUseCases } from './use-cases.ts';

const reportSchema = {
  operationId: 'recordDeliveryReport',
  tags: ['notices'],
  summary: 'Hand in a delivery report',
  description:
    'For mail systems: a delivery status notification of RFC 3464 about a notice that came back, as it came. It is read later; what is no ' +
    'report about a mail of this service changes nothing. Handing one in again changes nothing either.',
  security: [{ mailSystem: [] }],
  body: {
    content: { [MESSAGE_BODY]: { schema: { description: 'The message, header and all; at most 256 KiB.' } } },
  },
  response: {
    202: { type: 'null', description: 'It is kept, and will be read.' },
    ...problems(400, 401, 404, 413, 415, 429, 500, 503),
  },
};

/** Routes of a scope of their own, in which nobody is an administrator. */
export function deliveryReportRoutes(
  app: FastifyInstance,
  useCases: Pick<ApiUseCases, 'admitMailSystem' | 'recordDeliveryReport'>,
): void {
  acceptMessages(app);
  app.addHook('onRequest', async ({ headers }) => useCases.admitMailSystem(tokenOf(headers.authorization)));
  app.post(
    '/v1/delivery-reports',
    { schema: reportSchema, onRequest: requireBody(MESSAGE_BODY) },
    async function recordDeliveryReport(request, reply) {
      const message = request.body;
      if (!Buffer.isBuffer(message) || message.length === 0)
        throw new Refusal('body_malformed', 'the body is empty', [
          { rule: 'RFC 3464 §2 Format of a Delivery Status Notification', at: 'body', detail: 'there is no message' },
        ]);
      await useCases.recordDeliveryReport(message);
      return reply.code(202).send();
    },
  );
}

/** RFC 6750 §2.1 Authorization Request Header Field. */
const tokenOf = (header: string | undefined): string | undefined => /^bearer ([!-~]{1,512})$/i.exec(header ?? '')?.[1];
