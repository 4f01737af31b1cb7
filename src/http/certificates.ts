// POST /v1/certificates and GET /v1/certificates/{id}: a PKCS#10 request becomes a command, a view becomes a representation.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { type Finding, Refusal } from '../errors.ts';
import type { CertificateView } from '../ra/certificate-view.ts';
import type { OrderCommand } from '../ra/order-certificate.ts';
import { readCsrText } from '../x509/csr.ts';
import { toPem } from '../x509/pem.ts';
import { buildCertsOnly } from '../x509/pkcs7.ts';
import { preferredMediaType } from './accept.ts';
import { actorOf } from './actor.ts';
import { bodyTypeOf, JSON_BODY, PKCS10_BODY, requireBody } from './bodies.ts';
import { linkOf, summaryJson } from './certificate-summary.ts';
import { OrderHolder, profileName, structIdNat } from './holder-schemas.ts';
import { idempotencyOf } from './idempotency.ts';
import { CertificateParams, closed, IdempotencyHeaders, problems } from './schemas.ts';
import type { ApiUseCases } from './use-cases.ts';

const OrderBody = Type.Object(
  {
    profile: profileName,
    holder: OrderHolder,
    csr: Type.String({
      description: 'The PKCS#10 request in PEM, as `openssl req` writes it.',
      examples: ['-----BEGIN CERTIFICATE REQUEST-----\nMIIC…\n-----END CERTIFICATE REQUEST-----\n'],
    }),
    names: Type.Optional(
      Type.Object(
        {
          commonName: Type.Optional(
            Type.String({ description: 'The common name of the certificate.', examples: ['www.exemple.fr'] }),
          ),
          dnsNames: Type.Optional(
            Type.Array(Type.String(), {
              description: 'The DNS names of the certificate.',
              maxItems: 100,
              examples: [['www.exemple.fr']],
            }),
          ),
          emailAddresses: Type.Optional(
            Type.Array(Type.String(), {
              description: 'The mailboxes of the certificate, where its profile takes mailboxes.',
              maxItems: 100,
              examples: [['secretariat@exemple.fr']],
            }),
          ),
        },
        {
          ...closed,
          description:
            'The names to certify. Without them those of the PKCS#10 request are taken; if both name something they must agree.',
        },
      ),
    ),
  },
  closed,
);

const OrderQuery = Type.Object({ profile: Type.Optional(profileName), structure: Type.Optional(structIdNat) }, closed);

const CERTIFICATE_TYPES = [
  'application/json',
  'application/pem-certificate-chain',
  'application/pkix-cert',
  'application/pkcs7-mime; smime-type=certs-only',
] as const;

const created = {
  description: 'The certificate, issued.',
  headers: { Location: { type: 'string', description: 'Where the certificate is found from now on.' } },
  content: { [JSON_BODY]: { schema: { $ref: 'Certificate#' } } },
};

const found = {
  description: 'The certificate, in the format that Accept prefers.',
  content: {
    'application/json': { schema: { $ref: 'Certificate#' } },
    'application/pem-certificate-chain': {
      schema: { description: 'Certificate, issuer and root, in PEM (RFC 8555 §9.1).' },
    },
    'application/pkix-cert': { schema: { description: 'The certificate alone, in DER (RFC 2585 §4.1).' } },
    'application/pkcs7-mime': {
      schema: { description: 'Certificate, issuer and root in a certs-only CMS message, in DER (RFC 8551 §3.8).' },
    },
  },
};

const orderSchema = {
  operationId: 'orderCertificate',
  tags: ['certificates'],
  summary: 'Order a certificate with a PKCS#10 request',
  description:
    'You keep the private key and send the request that you made with it. The answer carries the certificate, its chain and the addresses of its revocation information. ' +
    'Send JSON with the request in PEM; for the profiles of structures also the request itself in DER as `application/pkcs10`, with profile and structure in the query. ' +
    'What is for a person names them in `holder`: an employee of the structure, or a professional who works there. Repeat an unanswered call with the same Idempotency-Key.',
  security: [{ clientCertificate: [] }],
  querystring: OrderQuery,
  headers: IdempotencyHeaders,
  body: {
    content: {
      [JSON_BODY]: { schema: OrderBody },
      [PKCS10_BODY]: { schema: { description: 'The PKCS#10 request in DER (RFC 5967).' } },
    },
  },
  response: { 201: created, ...problems(400, 401, 403, 409, 413, 415, 422, 429, 500, 503) },
};

const findSchema = {
  operationId: 'findCertificate',
  tags: ['certificates'],
  summary: 'Fetch a certificate',
  description:
    'Answers certificates of your own structures: as JSON with state and links, or in the format that your server software wants.',
  security: [{ clientCertificate: [] }],
  params: CertificateParams,
  response: { 200: found, ...problems(401, 404, 406, 429, 500, 503) },
};

export function certificateRoutes(
  app: FastifyInstance,
  useCases: Pick<ApiUseCases, 'orderCertificate' | 'findCertificate'>,
): void {
  app.post<{ Body: unknown; Querystring: Static<typeof OrderQuery> }>(
    '/v1/certificates',
    { schema: orderSchema, onRequest: requireBody(JSON_BODY, PKCS10_BODY) },
    async function orderCertificate(request, reply) {
      const order = bodyTypeOf(request) === PKCS10_BODY ? orderFromQuery(request) : orderFromJson(request);
      const view = await useCases.orderCertificate({ ...order, actor: actorOf(request), ...idempotencyOf(request) });
      return reply.code(201).header('location', linkOf(view.id)).send(certificateJson(view));
    },
  );

  app.get<{ Params: Static<typeof CertificateParams> }>(
    '/v1/certificates/:id',
    { schema: findSchema },
    async function findCertificate(request, reply) {
      const type = preferredMediaType(request.headers.accept, CERTIFICATE_TYPES);
      if (type === undefined)
        throw new Refusal('not_acceptable', `a certificate is available as ${CERTIFICATE_TYPES.join(', ')}`);
      const view = await useCases.findCertificate({ id: request.params.id, actor: actorOf(request) });
      return sendCertificate(reply, type, view);
    },
  );
}

type Order = Pick<OrderCommand, 'profile' | 'holder' | 'csr' | 'names'>;

/** Its shape was checked against OrderBody before the handler ran. */
function orderFromJson(request: FastifyRequest<{ Body: unknown; Querystring: Static<typeof OrderQuery> }>): Order {
  const extra = Object.keys(request.query);
  if (extra.length > 0) throw queryRefusal(extra, 'has no place beside a JSON body, which says it already');
  const { csr, ...order } = request.body as Static<typeof OrderBody>;
  return { ...order, csr: readCsrText(csr) };
}

function orderFromQuery(request: FastifyRequest<{ Body: unknown; Querystring: Static<typeof OrderQuery> }>): Order {
  const { profile: name, structure: holder } = request.query;
  if (name === undefined || holder === undefined) {
    const missing = ['profile', 'structure'].filter((parameter) => !(parameter in request.query));
    throw queryRefusal(missing, 'is missing beside an application/pkcs10 body');
  }
  return { profile: name, holder: { structure: holder }, csr: request.body as Uint8Array };
}

const queryRefusal = (parameters: readonly string[], detail: string): Refusal =>
  new Refusal(
    'body_malformed',
    'query and body do not fit together',
    parameters.map(
      (parameter): Finding => ({ rule: 'openapi.yaml orderCertificate', at: `query:/${parameter}`, detail }),
    ),
  );

const pem = (der: Uint8Array): string => toPem('CERTIFICATE', der);

function certificateJson(view: CertificateView) {
  const { revocation, ...summary } = summaryJson(view);
  return {
    ...summary,
    certificate: pem(view.certificate),
    chain: view.chain.map(pem),
    ...(revocation === undefined ? {} : { revocation }),
    links: {
      self: linkOf(view.id),
      revocation: `${linkOf(view.id)}/revocation`,
      issuerCertificate: view.links.issuerCertificate,
      crl: view.links.crl,
      ocsp: view.links.ocsp,
    },
  };
}

function sendCertificate(
  reply: FastifyReply,
  type: (typeof CERTIFICATE_TYPES)[number],
  view: CertificateView,
): FastifyReply {
  reply.header('vary', 'Accept').header('content-type', type);
  const path = [view.certificate, ...view.chain];
  switch (type) {
    case 'application/json':
      return reply.send(certificateJson(view));
    case 'application/pem-certificate-chain':
      return reply.send(path.map(pem).join(''));
    case 'application/pkix-cert':
      return reply.send(Buffer.from(view.certificate));
    case 'application/pkcs7-mime; smime-type=certs-only':
      return reply.send(Buffer.from(buildCertsOnly(path)));
  }
}
