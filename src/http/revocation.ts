// POST /v1/certificates/{id}/revocation: definitive, so there is no other verb on it.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { CertificateView } from '../ra/certificate-view.ts';
import { actorOf } from './actor.ts';
import { JSON_BODY, requireBody } from './bodies.ts';
import { idempotencyOf } from './idempotency.ts';
import { CertificateParams, closed, IdempotencyHeaders, json, problems } from './schemas.ts';
import type { ApiUseCases } from './use-cases.ts';

/** RFC 5280 §5.3.1 Reason Code; which of them a holder may give is the policy's matter, not the contract's. */
const REASONS = [
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
  'unspecified',
  'cACompromise',
  'certificateHold',
  'removeFromCRL',
  'aACompromise',
] as const;

const RevokeBody = Type.Object(
  {
    reason: Type.Unsafe<(typeof REASONS)[number]>({
      type: 'string',
      enum: [...REASONS],
      description:
        'Accepted: keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, unspecified. ' +
        'The others of RFC 5280 are refused with 422 `revocation_reason_not_allowed`: there is no hold.',
      examples: ['superseded'],
    }),
  },
  closed,
);

const revokeSchema = {
  operationId: 'revokeCertificate',
  tags: ['certificates'],
  summary: 'Revoke a certificate',
  description:
    'Definitive, and visible to OCSP at once and in the next revocation list. keyCompromise also bars the key for good. ' +
    'A certificate that is revoked already can only have its reason raised to keyCompromise; anything else is 409 `already_revoked`.',
  security: [{ clientCertificate: [] }],
  params: CertificateParams,
  headers: IdempotencyHeaders,
  body: { content: { [JSON_BODY]: { schema: RevokeBody } } },
  response: {
    200: json('The revocation, as it stands from now on.', { $ref: 'Revocation#' }),
    ...problems(400, 401, 404, 409, 413, 415, 422, 429, 500, 503),
  },
};

export function revocationRoutes(app: FastifyInstance, useCases: Pick<ApiUseCases, 'revokeCertificate'>): void {
  app.post<{ Params: Static<typeof CertificateParams>; Body: Static<typeof RevokeBody> }>(
    '/v1/certificates/:id/revocation',
    { schema: revokeSchema, onRequest: requireBody(JSON_BODY) },
    async function revokeCertificate(request, reply) {
      const { id } = request.params;
      const { reason } = request.body;
      const view = await useCases.revokeCertificate({ id, reason, actor: actorOf(request), ...idempotencyOf(request) });
      return reply.send(revocationJson(view));
    },
  );
}

function revocationJson({ id, issuer, serial, revocation, links }: CertificateView) {
  if (revocation === undefined) throw new Error('a certificate that was just revoked has no revocation');
  return {
    certificate: id,
    issuer,
    serial,
    reason: revocation.reason,
    revokedAt: revocation.revokedAt,
    links: { certificate: `/v1/certificates/${id}`, crl: links.crl, ocsp: links.ocsp },
  };
}
