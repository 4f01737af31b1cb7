// Whether the role of a container is ready: `healthcheck.ts api | public | worker | signer issuing | signer ocsp`, in that role's own
// environment and under its own account. Ends with 0 when it is; says nothing, and changes nothing.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { connectSigner } from '#hsm/client.ts';
import { loadConfig, required } from '../src/config.ts';
import { metricsAddress } from '../src/metrics/open.ts';
import { parseListen } from '../src/roles/listen.ts';

const PATIENCE_MS = 4_000;
/** A folder that its signer owns, and may therefore ask through itself. */
const A_CALLER = { issuing: 'api', ocsp: 'public' } as const;

type Address = { readonly host: string; readonly port: number };

/** Nothing is believed that comes back but the status, and nothing is sent: whose certificate it is does not matter here. */
function isServed({ host, port }: Address, { tls }: { tls: boolean }): Promise<boolean> {
  const own = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const options = { host: own, port, path: '/readyz', timeout: PATIENCE_MS, rejectUnauthorized: false };
  return new Promise((resolve) => {
    const sent = (tls ? httpsRequest : httpRequest)(options, ({ statusCode }) => resolve(statusCode === 200));
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.once('error', () => resolve(false));
    sent.end();
  });
}

async function isSigning(sockets: string, token: 'issuing' | 'ocsp'): Promise<boolean> {
  const path = join(sockets, token, A_CALLER[token], 'signer.sock');
  const signer = connectSigner({ path, deadlineMs: PATIENCE_MS });
  return signer.health().then(
    ({ ready }) => ready,
    () => false,
  );
}

function isReady(role: string): Promise<boolean> {
  const config = loadConfig();
  switch (role) {
    case 'api':
      return isServed(parseListen(required(config, 'API_LISTEN')), { tls: true });
    case 'public':
      return isServed(parseListen(required(config, 'PUBLIC_LISTEN')), { tls: false });
    case 'worker':
      return isServed(metricsAddress(required(config, 'METRICS_LISTEN'), 'worker'), { tls: false });
    case 'signer issuing':
      return isSigning(required(config, 'SIGNER_SOCKETS'), 'issuing');
    case 'signer ocsp':
      return isSigning(required(config, 'SIGNER_SOCKETS'), 'ocsp');
    default:
      return Promise.resolve(false);
  }
}

process.exit((await isReady(process.argv.slice(2).join(' '))) ? 0 : 1);
