// The contract without a running service: what scripts/openapi.ts writes and the test compares.

import { openapiText } from './docs.ts';
import { buildApi } from './server.ts';
import type { ApiUseCases } from './use-cases.ts';

const never = (): never => {
  throw new Error('nothing is served while the API describes itself');
};

const NO_USE_CASES: ApiUseCases = {
  findActor: never,
  orderCertificate: never,
  findCertificate: never,
  listCertificates: never,
  extractCertificates: never,
  revokeCertificate: never,
  listProfiles: never,
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
