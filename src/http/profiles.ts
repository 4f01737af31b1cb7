// GET /v1/profiles: what may be certified, as the policy files say it.

import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { closed, json, problems } from './schemas.ts';
import type { ApiUseCases } from './use-cases.ts';

const Profile = Type.Object(
  {
    name: Type.String({ description: 'The name to give when ordering.', examples: ['serv-ssl'] }),
    description: Type.String({
      description: 'What certificates of this profile are for.',
      examples: ['TLS server certificate of a structure'],
    }),
    issuer: Type.String({ description: 'The CA that issues it.', examples: ['ACI-EL-ORG-TEST'] }),
    issuedBy: Type.Unsafe<string>({
      type: 'string',
      enum: ['order', 'operator', 'system'],
      description: 'Who may have it issued; only `order` is open to this interface.',
    }),
    digest: Type.String({
      description: 'SHA-256 of the profile file in force.',
      examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    }),
  },
  closed,
);

const listSchema = {
  operationId: 'listProfiles',
  tags: ['profiles'],
  summary: 'List the certificate profiles',
  description:
    'Every profile in force, with the CA that issues it and the digest that is recorded with each certificate.',
  security: [{ clientCertificate: [] }],
  response: {
    200: json('The profiles.', Type.Object({ profiles: Type.Array(Profile) }, closed)),
    ...problems(401, 429, 500, 503),
  },
};

export function profileRoutes(app: FastifyInstance, useCases: Pick<ApiUseCases, 'listProfiles'>): void {
  app.get('/v1/profiles', { schema: listSchema }, async function listProfiles() {
    const profiles = useCases
      .listProfiles()
      .map(({ name, description, issuer, issuedBy, digest }) => ({ name, description, issuer, issuedBy, digest }));
    return { profiles };
  });
}
