import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import type { RevokeOrder } from '../../src/ra/revoke-certificate.ts';
import { ACTOR, ask, expectInContract, REVOKED, VIEW } from './fake-use-cases.ts';

const url = `/v1/certificates/${VIEW.id}/revocation`;

async function revoke(payload: object, headers: Record<string, string> = {}, target = url) {
  const commands: RevokeOrder[] = [];
  const response = await ask(
    { method: 'POST', url: target, payload, headers },
    {
      revokeCertificate: async (command) => {
        commands.push(command);
        return REVOKED;
      },
    },
  );
  return { response, commands };
}

describe('a revocation', () => {
  it('becomes a command, and is answered with reason and moment', async () => {
    const { response, commands } = await revoke({ reason: 'superseded' });
    expect(commands).toEqual([{ id: VIEW.id, reason: 'superseded', actor: ACTOR }]);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ certificate: VIEW.id, serial: VIEW.serial, ...REVOKED.revocation });
    expectInContract('revokeCertificate', response);
  });

  it('carries its Idempotency-Key, with a digest of its own for each certificate', async () => {
    const other = url.replace('5a69', '5a70');
    const headers = { 'idempotency-key': 'k' };
    const digests: string[] = [];
    for (const target of [url, other]) {
      const { commands } = await revoke({ reason: 'superseded' }, headers, target);
      digests.push(Buffer.from(commands[0]?.idempotency?.bodyDigest ?? []).toString('hex'));
    }
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(digests[0]).not.toBe(digests[1]);
  });

  it.each([
    ['no reason', {}, '/reason'],
    ['a number', { reason: 1 }, '/reason'],
    ['a word that is no reason', { reason: 'lost' }, '/reason'],
    ['another key', { reason: 'superseded', revokedAt: '2020-01-01' }, '/revokedAt'],
  ])('with %s is 400', async (_, payload, at) => {
    const { response, commands } = await revoke(payload);
    expect(commands).toEqual([]);
    expect([response.statusCode, response.json().code, response.json().findings[0].at]).toEqual([
      400,
      'body_malformed',
      at,
    ]);
    expectInContract('revokeCertificate', response);
  });

  it('takes JSON only', async () => {
    expect((await revoke({ reason: 'superseded' }, { 'content-type': 'application/pkcs10' })).response.statusCode).toBe(
      415,
    );
  });

  it('hands certificateHold on, for the policy to refuse', async () => {
    expect((await revoke({ reason: 'certificateHold' })).commands[0]?.reason).toBe('certificateHold');
  });

  it.each([
    ['revocation_reason_not_allowed', 422],
    ['already_revoked', 409],
    ['certificate_not_issued', 409],
    ['not_found', 404],
  ] as const)('refused as %s is answered %i', async (code, status) => {
    const response = await ask(
      { method: 'POST', url, payload: { reason: 'superseded' } },
      { revokeCertificate: () => Promise.reject(new Refusal(code, 'no')) },
    );
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
    expectInContract('revokeCertificate', response);
  });

  it('is no resource that can be taken back', async () => {
    for (const method of ['DELETE', 'PUT', 'PATCH', 'GET'] as const)
      expect((await ask({ method, url })).statusCode, method).toBe(404);
  });
});
