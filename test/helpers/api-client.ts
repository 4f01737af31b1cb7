// Calls of the service over its real doors: the API with a card over mutual TLS, the public role under the host names that
// certificates carry.

import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { type Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { toPem } from '../../src/x509/pem.ts';
import { API_HOST } from './cast.ts';
import type { Service } from './service.ts';

/** A private key and its certificate, PEM. */
export type Credential = { readonly key: string; readonly cert: string };

export type Answer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** the body as JSON; undefined where it is none */
  json<T = Problem>(): T;
};

export type Problem = {
  readonly code?: string;
  readonly findings?: readonly { readonly rule: string; readonly at?: string; readonly detail: string }[];
};

/** What POST /v1/certificates answers. */
export type CertificateDocument = {
  readonly id: string;
  readonly state: string;
  readonly serial: string;
  readonly issuer: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly revocation?: { readonly reason: string; readonly revokedAt: string };
  readonly links: Readonly<Record<'self' | 'revocation' | 'issuerCertificate' | 'crl' | 'ocsp', string>>;
};

export type Order = {
  readonly profile: string;
  readonly holder: { readonly structure: string };
  readonly csr: string;
  readonly names?: { readonly commonName?: string; readonly dnsNames?: readonly string[] };
};

type Call = {
  readonly credential?: Credential | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly agent?: Agent;
};

export type ApiClient = {
  /** one call on a connection of its own, unless `agent` says more; a body that is not bytes is sent as JSON */
  call(method: 'GET' | 'POST' | 'HEAD', path: string, call?: Call): Promise<Answer>;
  order(order: Order, call?: Call): Promise<Answer>;
  revoke(id: string, reason: string, call?: Call): Promise<Answer>;
};

/** A client that believes the hierarchy's roots alone and shows `credential` unless a call says otherwise. */
export function createApiClient({ hierarchy, apiPort }: Service, credential?: Credential): ApiClient {
  const ca = ['ACR-EL-TEST'].map((id) => toPem('CERTIFICATE', readFileSync(join(hierarchy.directory, `${id}.cer`))));
  const call: ApiClient['call'] = (method, path, { body, headers = {}, agent, ...more } = {}) => {
    const shown = 'credential' in more ? more.credential : credential;
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = body === undefined || Buffer.isBuffer(body) ? {} : { 'content-type': 'application/json' };
    return send(
      httpsRequest,
      {
        ...{ host: '127.0.0.1', port: apiPort, servername: API_HOST, method, path, ca, agent: agent ?? false },
        ...(shown === undefined ? {} : { key: shown.key, cert: shown.cert }),
        headers: { host: API_HOST, ...type, ...headers },
      },
      bytes,
    );
  };
  return {
    call,
    order: (order, options = {}) => call('POST', '/v1/certificates', { ...options, body: order }),
    revoke: (id, reason, options = {}) =>
      call('POST', `/v1/certificates/${id}/revocation`, { ...options, body: { reason } }),
  };
}

/** One plain HTTP request to the public role for a URL as it stands in a certificate. */
export function fetchPublic(
  { publicPort }: Pick<Service, 'publicPort'>,
  url: string,
  post?: { readonly type: string; readonly body: Uint8Array },
): Promise<Answer> {
  const { host, pathname } = new URL(url);
  return send(
    httpRequest,
    {
      ...{ host: '127.0.0.1', port: publicPort, path: pathname, agent: false },
      method: post === undefined ? 'GET' : 'POST',
      headers: { host, ...(post === undefined ? {} : { 'content-type': post.type }) },
    },
    post === undefined ? undefined : Buffer.from(post.body),
  );
}

function send(
  request: typeof httpRequest | typeof httpsRequest,
  options: RequestOptions,
  body: Buffer | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          statusCode: response.statusCode ?? 0,
          headers: response.headers,
          body: whole,
          json: () => JSON.parse(whole.toString()),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
