// A process of its own that orders certificates over HTTPS with a card, on connections that are kept, one new key after the other. It
// reads from stdin where to and with what; its time is nobody's cost.

import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ApiAccess } from '../scripts/demo/api-call.ts';
import { toPem } from '../src/x509/pem.ts';
import { generateLoad, type Window } from './load.ts';

export type OrderLoad = Window & {
  readonly access: ApiAccess;
  readonly structure: string;
  /** base64 of requests, as many as can be ordered */
  readonly requests: readonly string[];
};

const load: OrderLoad = JSON.parse(await text(process.stdin));
const { access, structure, callers } = load;
const agent = new Agent({
  keepAlive: true,
  maxSockets: callers,
  ca: readFileSync(access.ca),
  cert: readFileSync(access.certificate),
  key: readFileSync(access.key),
  servername: access.host,
});
const bodies = load.requests.map((request) => {
  const csr = toPem('CERTIFICATE REQUEST', Buffer.from(request, 'base64'));
  return Buffer.from(JSON.stringify({ profile: 'org-auth-cli', holder: { structure }, csr }));
});
let next = 0;

function order(): Promise<void> {
  const body = bodies[next];
  next += 1;
  if (body === undefined) throw new Error(`the ${bodies.length} requests that were made beforehand are used up`);
  const headers = { host: access.host, 'content-type': 'application/json', 'content-length': body.length };
  const options = { agent, host: '127.0.0.1', port: access.port, method: 'POST', path: '/v1/certificates', headers };
  return new Promise((resolve, reject) => {
    const call = httpsRequest(options, (response) => {
      if (response.statusCode === 201) response.resume().once('end', resolve).once('error', reject);
      else text(response).then((said) => reject(new Error(`the API answered ${response.statusCode}: ${said}`)), reject);
    });
    call.once('error', reject);
    call.end(body);
  });
}

await generateLoad(load, order);
agent.destroy();
