// The contract to read: Swagger UI at /docs, and the same as /openapi.json and /openapi.yaml. Everything comes from this
// process; the page loads nothing from anywhere else.

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

const DESCRIPTION = `Certificates for the structures of the French health sector (IGC-Santé), for their technical administrators.

**Authentication.** Every operation under \`/v1\` but the delivery reports of mail systems needs TLS with the authentication certificate of your card. Path, validity, usage and
revocation are checked on every request; identity headers are ignored.

**Errors** are problem details (RFC 9457) in French, or in English if \`Accept-Language\` prefers it. Test \`code\`, never a text.
\`findings\` lists everything that is wrong, with the place and the rule.

**Repeating.** Give each act an \`Idempotency-Key\` of your own; after a lost answer send the same request with the same key, and it is done once.`;

const REFERENCES = {
  buildLocalReference: (json: { $id?: string }, _baseUri: unknown, _fragment: string, index: number): string =>
    String(json.$id ?? `schema${index}`),
};

const CONTENT_SECURITY_POLICY = {
  'default-src': "'none'",
  'base-uri': "'none'",
  'connect-src': "'self'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'img-src': "'self' data:",
  'script-src': "'self'",
  'style-src': "'self'",
};

const PUBLIC_DESCRIPTION = `What anyone may ask of the public role over plain HTTP, beside what has a contract of its own: CRLs and CA certificates
(RFC 5280), OCSP (RFC 6960), the certificate store (RFC 4387).

**Errors** are problem details (RFC 9457) in French, or in English if \`Accept-Language\` prefers it. Test \`code\`, never a text.`;

/** Collects the schemas of the routes of the public role that are registered after it; nothing is served from them. */
export function describePublicRoutes(app: FastifyInstance): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'igc-sante, public role', version: '1', description: PUBLIC_DESCRIPTION },
      servers: [{ url: '/', description: 'this server' }],
      tags: [{ name: 'directory', description: 'Search what is public.' }],
    },
    refResolver: REFERENCES,
  });
}

/** Collects the schemas of the routes that are registered after it. */
export function describeRoutes(app: FastifyInstance): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'igc-sante', version: '1', description: DESCRIPTION },
      servers: [{ url: '/', description: 'this server' }],
      tags: [
        { name: 'certificates', description: 'Issue, fetch and revoke.' },
        { name: 'profiles', description: 'What may be certified.' },
        { name: 'notices', description: 'For mail systems.' },
        { name: 'problems', description: 'What the codes of problems mean.' },
        { name: 'health', description: 'For supervisors and load balancers.' },
      ],
      components: {
        securitySchemes: {
          // openapi-types does not know the mutualTLS scheme of OpenAPI 3.1
          clientCertificate: {
            type: 'mutualTLS',
            description: 'The authentication certificate of a technical administrator’s card.',
          } as never,
          mailSystem: { type: 'http', scheme: 'bearer', description: 'The secret in BOUNCE_SECRET_FILE.' },
        },
      },
    },
    refResolver: REFERENCES,
  });
}

/** Serves what was collected; `app` must be a scope registered after `describeRoutes`. */
export function docsRoutes(app: FastifyInstance): void {
  app.register(swaggerUi, {
    routePrefix: '/docs',
    // no validator badge: it would call another host
    uiConfig: { validatorUrl: null, docExpansion: 'list', deepLinking: true },
    staticCSP: CONTENT_SECURITY_POLICY,
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/openapi.yaml', { schema: { hide: true } }, async (_request, reply) =>
    // RFC 9512 §2.1 Media Type application/yaml
    reply.header('content-type', 'application/yaml').send(openapiText(app)),
  );
}

/** The contract as openapi.yaml holds it; only after `ready`. */
export const openapiText = (app: FastifyInstance): string => app.swagger({ yaml: true });
