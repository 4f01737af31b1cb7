import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { ACTOR, ask, expectInContract, REVOKED, VIEW } from './fake-use-cases.ts';
import { createParties, type Parties } from './tls-parties.ts';

const url = `/v1/certificates/${VIEW.id}`;

let parties: Parties;
beforeAll(() => {
  parties = createParties();
});
afterAll(() => parties.remove());

/** A view with certificates that openssl can read. */
const realView = () => ({ ...VIEW, certificate: parties.client.der, chain: [parties.authority.der] });

const openssl = (args: string[], input: Buffer | string): string =>
  execFileSync('openssl', args, { input, encoding: 'utf8' });

describe('a certificate', () => {
  it('is looked up for the actor, and answered as JSON unless another format is asked for', async () => {
    const queries: unknown[] = [];
    const response = await ask(url, {
      findCertificate: async (query) => {
        queries.push(query);
        return VIEW;
      },
    });
    expect(queries).toEqual([{ id: VIEW.id, actor: ACTOR }]);
    expect([response.statusCode, response.headers['cache-control'], response.headers.vary]).toEqual([
      200,
      'no-store',
      'Accept',
    ]);
    expect(response.json()).not.toHaveProperty('revocation');
    expectInContract('findCertificate', response);
  });

  it('that is revoked says since when and why', async () => {
    const response = await ask(url, { findCertificate: async () => REVOKED });
    expect(response.json()).toMatchObject({ state: 'revoked', revocation: REVOKED.revocation });
    expectInContract('findCertificate', response);
  });

  it('comes as a PEM chain, leaf first', async () => {
    const response = await ask(
      { url, headers: { accept: 'application/pem-certificate-chain' } },
      { findCertificate: async () => realView() },
    );
    expect(response.headers['content-type']).toBe('application/pem-certificate-chain');
    expect(response.body.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(openssl(['x509', '-noout', '-subject'], response.body)).toContain('card of an administrator');
    expectInContract('findCertificate', response);
  });

  it('comes alone in DER', async () => {
    const response = await ask(
      { url, headers: { accept: 'application/pkix-cert' } },
      { findCertificate: async () => realView() },
    );
    expect(response.headers['content-type']).toBe('application/pkix-cert');
    expect(response.rawPayload).toEqual(parties.client.der);
    expectInContract('findCertificate', response);
  });

  it('comes with its chain as certs-only PKCS #7', async () => {
    const response = await ask(
      { url, headers: { accept: 'application/pkcs7-mime' } },
      { findCertificate: async () => realView() },
    );
    expect(response.headers['content-type']).toBe('application/pkcs7-mime; smime-type=certs-only');
    const printed = openssl(['pkcs7', '-inform', 'DER', '-print_certs', '-noout'], response.rawPayload);
    expect(printed.match(/subject=/g)).toHaveLength(2);
    expectInContract('findCertificate', response);
  });

  it('in a format that we do not have is 406, before anything is looked up', async () => {
    const response = await ask(
      { url, headers: { accept: 'text/html' } },
      { findCertificate: () => Promise.reject(new Error('asked')) },
    );
    expect([response.statusCode, response.json().code]).toEqual([406, 'not_acceptable']);
    expectInContract('findCertificate', response);
  });

  it('answers HEAD like GET, without a body', async () => {
    const response = await ask({ method: 'HEAD', url });
    expect([response.statusCode, response.body]).toEqual([200, '']);
  });

  it('that the use case does not find is 404', async () => {
    const response = await ask(url, { findCertificate: () => Promise.reject(new Refusal('not_found', 'no')) });
    expect([response.statusCode, response.json().code]).toEqual([404, 'not_found']);
    expectInContract('findCertificate', response);
  });

  it.each(['1', 'x'.repeat(36), VIEW.id.toUpperCase(), `${VIEW.id}%00`, '..%2F..%2Fetc'])(
    'under the id %s is 404 without a look-up',
    async (id) => {
      const response = await ask(`/v1/certificates/${id}`, {
        findCertificate: () => Promise.reject(new Error('asked')),
      });
      expect([response.statusCode, response.json().code]).toEqual([404, 'not_found']);
    },
  );
});
