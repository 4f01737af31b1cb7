// Use cases in memory, for tests of the door alone: each records what it was asked and answers what the test says.

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, expect } from 'vitest';
import { parse } from 'yaml';
import { buildApi } from '../../src/http/server.ts';
import type { ApiUseCases, PublicUseCases } from '../../src/http/use-cases.ts';
import type { RenewalWindow } from '../../src/policy/renewal.ts';
import type { CertificateSummaryView, CertificateView } from '../../src/ra/certificate-view.ts';
import type { AdministratorActor } from '../../src/ra/find-actor.ts';

export const ACTOR: AdministratorActor = {
  kind: 'administrator',
  id: '0198f2a4-0000-7000-8000-000000000001',
  structures: ['10B0000001'],
};

const ID = '0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69';

export const VIEW: CertificateView = {
  id: ID,
  profile: 'serv-ssl',
  state: 'issued',
  serial: '5f0c9d1b3a7e42688c1d9e0f2b4a6c81',
  issuer: 'ACI-EL-ORG-TEST',
  subject: 'CN=www.exemple.fr,OU=10B0000001,O=ETABLISSEMENT DE TEST,ST=Paris (75),C=FR',
  holder: { structure: '10B0000001', identifier: '10B0000001' },
  keyDigest: '6f'.repeat(32),
  notBefore: '2026-11-21T13:58:00.000Z',
  notAfter: '2029-11-21T13:58:00.000Z',
  created: '2026-11-21T13:58:00.412Z',
  certificate: Uint8Array.of(0x30, 0x01, 0x01),
  chain: [Uint8Array.of(0x30, 0x01, 0x02), Uint8Array.of(0x30, 0x01, 0x03)],
  links: {
    issuerCertificate: 'http://igc.demo.igc-sante.fr/AC%20TEST/ACI-EL-ORG-TEST.cer',
    crl: 'http://igc.demo.igc-sante.fr/CRL/ACI-EL-ORG-TEST.crl',
    ocsp: 'http://ocsp.demo.igc-sante.fr',
  },
};

export const REVOKED: CertificateView = {
  ...VIEW,
  state: 'revoked',
  revocation: { revokedAt: '2026-11-21T14:03:07.000Z', reason: 'superseded' },
};

const WINDOW: RenewalWindow = {
  start: new Date('2029-09-21T13:58:00Z'),
  end: new Date('2029-10-21T13:58:00Z'),
  reason: 'end_of_validity',
};

/** Rows as an extract gives them. */
export async function* rowsOf(views: readonly CertificateSummaryView[]): AsyncGenerator<CertificateSummaryView> {
  yield* views;
}

/** Use cases that let everybody in and answer `VIEW`; `overrides` replace single ones. */
export function useCases(overrides: Partial<ApiUseCases> = {}): ApiUseCases {
  return {
    findActor: async () => ACTOR,
    orderCertificate: async () => VIEW,
    findCertificate: async () => VIEW,
    findRenewalWindow: async () => WINDOW,
    listCertificates: async () => ({ certificates: [VIEW] }),
    extractCertificates: async () => ({ certificates: rowsOf([VIEW]) }),
    revokeCertificate: async () => REVOKED,
    listProfiles: () => [
      {
        name: 'serv-ssl',
        description: 'TLS server',
        issuer: 'ACI-EL-ORG-TEST',
        issuedBy: 'order',
        digest: 'ab'.repeat(32),
      },
    ],
    admitMailSystem: () => undefined,
    recordDeliveryReport: async () => undefined,
    readiness: async () => ({ ready: true, checks: [{ name: 'database', ok: true }] }),
    ...overrides,
  };
}

/** Use cases of the public role that have nothing; `overrides` replace single ones. */
export const publicUseCases = (overrides: Partial<PublicUseCases> = {}): PublicUseCases => ({
  respondOcsp: async () => ({ der: Uint8Array.of(0x30, 0x00) }),
  findCrl: async () => undefined,
  findAuthorityFile: () => undefined,
  searchCertificates: async () => ({ certificates: [] }),
  searchDirectory: async () => ({ entries: [] }),
  findCrlOf: async () => undefined,
  readiness: async () => ({ ready: true, checks: [] }),
  ...overrides,
});

type Contract = {
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, { content: Record<string, unknown> }> }>
  >;
};

const contract: Contract = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } }).addSchema(contract, 'openapi');
const step = (text: string): string => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Fails unless openapi.yaml knows the answer: its status, its media type and, for JSON, its schema. */
export function expectInContract(
  operationId: string,
  response: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'json'>,
): void {
  const type = String(response.headers['content-type']).split(';')[0] ?? '';
  for (const [path, methods] of Object.entries(contract.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId !== operationId) continue;
      expect(Object.keys(operation.responses[response.statusCode]?.content ?? {})).toContain(type);
      if (!type.endsWith('json')) return;
      const pointer = ['paths', path, method, 'responses', String(response.statusCode), 'content', type, 'schema']
        .map(step)
        .join('/');
      const validate = ajv.compile({ $ref: `openapi#/${pointer}` });
      expect(validate(response.json()), JSON.stringify(validate.errors)).toBe(true);
      return;
    }
  }
  throw new Error(`openapi.yaml has no operation ${operationId}`);
}

let current: ApiUseCases = useCases();

/** One server for a whole test file; each call of `ask` puts its own use cases behind it. */
const shared = buildApi({
  findActor: (peer) => current.findActor(peer),
  orderCertificate: (command) => current.orderCertificate(command),
  findCertificate: (query) => current.findCertificate(query),
  findRenewalWindow: (query) => current.findRenewalWindow(query),
  listCertificates: (query) => current.listCertificates(query),
  extractCertificates: (query) => current.extractCertificates(query),
  revokeCertificate: (command) => current.revokeCertificate(command),
  listProfiles: () => current.listProfiles(),
  admitMailSystem: (token) => current.admitMailSystem(token),
  recordDeliveryReport: (message) => current.recordDeliveryReport(message),
  readiness: () => current.readiness(),
});
afterAll(() => shared.close());

/** Sends one request, and waits for its answer before the next one is sent. */
export async function ask(
  request: InjectOptions | string,
  overrides: Partial<ApiUseCases> = {},
): Promise<LightMyRequestResponse> {
  current = useCases(overrides);
  return shared.inject(request);
}

/** Closes the server whatever happens. */
export async function withServer<T>(app: FastifyInstance, act: (app: FastifyInstance) => Promise<T>): Promise<T> {
  try {
    return await act(app);
  } finally {
    await app.close();
  }
}
