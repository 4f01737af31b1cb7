import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeApi, describePublic } from '../../src/http/describe.ts';

type Operation = {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { in: string }[];
  requestBody?: { content: Record<string, unknown> };
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
};
type Contract = { openapi: string; paths: Record<string, Record<string, Operation>> };

const COMMITTED = new URL('../../openapi.yaml', import.meta.url);
const text = await describeApi();
const contract: Contract = parse(text);
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
);

describe('openapi.yaml', () => {
  it('is what the routes say; after a change of theirs run `npm run openapi` and review the difference', () => {
    expect(readFileSync(COMMITTED, 'utf8')).toBe(text);
  });

  it('has a second part for the public role, which is what its routes say', async () => {
    expect(readFileSync(new URL('../../openapi-public.yaml', import.meta.url), 'utf8')).toBe(await describePublic());
  });

  it('is OpenAPI 3.1 and names every operation once', () => {
    expect(contract.openapi).toBe('3.1.0');
    expect(operations.map(({ operation }) => operation.operationId).toSorted()).toEqual([
      'findCertificate',
      'findProblemType',
      'findRenewalWindow',
      'listCertificates',
      'listProfiles',
      'livez',
      'orderCertificate',
      'readyz',
      'recordDeliveryReport',
      'revokeCertificate',
    ]);
  });
});

describe.each(operations)('$name', ({ path, operation }) => {
  it('is explained to a reader', () => {
    expect(operation.summary).toMatch(/\S/);
    expect(operation.description).toMatch(/\.$/);
    expect(operation.tags).toHaveLength(1);
    for (const { description } of Object.values(operation.responses)) expect(description).toMatch(/\.$/);
  });

  it('needs a client certificate, or the token of a mail system, exactly under /v1, and says what happens without', () => {
    const known = path.startsWith('/v1/');
    const scheme = operation.operationId === 'recordDeliveryReport' ? 'mailSystem' : 'clientCertificate';
    expect(operation.security).toEqual(known ? [{ [scheme]: [] }] : undefined);
    expect('401' in operation.responses).toBe(known);
  });

  it('answers errors as problem documents', () => {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (Number(status) < 400 || path === '/readyz') continue;
      expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
    }
  });

  it('says 400, 413 and 415 when it takes a body, and 400 when it takes a query', () => {
    const takesBody = operation.requestBody !== undefined;
    const takesQuery = (operation.parameters ?? []).some((parameter) => parameter.in === 'query');
    for (const status of ['413', '415']) expect(status in operation.responses).toBe(takesBody);
    expect('400' in operation.responses).toBe(takesBody || takesQuery);
  });

  it('says 429, because every caller is counted', () => {
    expect(operation.responses).toHaveProperty('429');
  });
});
