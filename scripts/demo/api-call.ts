// A technical administrator's HTTPS calls with the card certificate, as curl would make them.

import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

export type Answer = { readonly status: number; readonly body: Buffer };

export type ApiAccess = {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
};

const LIMIT_MS = 15_000;

function send(
  request: typeof httpsRequest | typeof httpRequest,
  options: RequestOptions,
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ agent: false, timeout: LIMIT_MS, ...options }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
    call.end(body);
  });
}

/** One call of the API over mutual TLS; the name in the certificate is checked although the address is this machine's. */
export function callApi(
  access: ApiAccess,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const options: RequestOptions = {
    host: '127.0.0.1',
    port: access.port,
    servername: access.host,
    ca: readFileSync(access.ca),
    cert: readFileSync(access.certificate),
    key: readFileSync(access.key),
    method,
    path,
    headers: { host: access.host, ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  };
  return send(httpsRequest, options, text);
}

/** One plain HTTP call of the public role, under the host name that certificates carry. */
export function callPublic(
  port: number,
  url: string,
  options: { method?: string; contentType?: string; body?: Buffer } = {},
): Promise<Answer> {
  const { host, pathname } = new URL(url);
  const headers = { host, ...(options.contentType === undefined ? {} : { 'content-type': options.contentType }) };
  return send(
    httpRequest,
    { host: '127.0.0.1', port, method: options.method ?? 'GET', path: pathname, headers },
    options.body,
  );
}
