// The contracts without a running service: what scripts/openapi.ts writes and the test compares.

import { fastify } from 'fastify';
import { describePublicRoutes, openapiText } from './docs.ts';
import { directoryRoutes } from './public/directory.ts';
import { Problem } from './schemas.ts';
import { buildApi } from './server.ts';
import type { ApiUseCases } from './use-cases.ts';
import { validateStrictly } from './validation.ts';

const never = (): never => {
  throw new Error('nothing is served while the API describes itself');
};

const NO_USE_CASES: ApiUseCases = {
  findActor: never,
  orderCertificate: never,
  findCertificate: never,
  findRenewalWindow: never,
  listCertificates: never,
  extractCertificates: never,
  revokeCertificate: never,
  listProfiles: never,
  admitMailSystem: never,
  recordDeliveryReport: never,
  readiness: never,
};

/** The text of openapi.yaml. */
export async function describeApi(): Promise<string> {
  const app = buildApi(NO_USE_CASES);
  try {
    await app.ready();
    return openapiText(app);
  } finally {
    await app.close();
  }
}

/** The text of openapi-public.yaml. */
export async function describePublic(): Promise<string> {
  const app = fastify();
  try {
    validateStrictly(app);
    app.addSchema(Problem);
    describePublicRoutes(app);
    app.register(async (open) => directoryRoutes(open, { searchDirectory: never }, never));
    await app.ready();
    return openapiText(app);
  } finally {
    await app.close();
  }
}
