// GET /metrics over plain HTTP on an address of its own, for Prometheus on the same machine or an inner network: never on a public
// listener. It is Node's bare server, so that a signer can have one without loading the service's.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds and counts: a scraper has one connection and asks every few seconds. */
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
};
const MOST_CONNECTIONS = 16;

export type MetricsListener = {
  readonly port: number;
  /** Ends every connection at once: a scrape that is cut off is repeated. */
  close(): Promise<void>;
};

type Page = { readonly contentType: string; readonly scrape: () => Promise<string> };

/** Listens; throws what Node throws when the address is taken or not ours. */
export async function listenForScrapes(at: { host: string; port: number }, page: Page): Promise<MetricsListener> {
  const server = createServer(LIMITS, (request, response) => {
    answer(request, response, page).catch(() => response.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer({ method, url }: IncomingMessage, response: ServerResponse, page: Page): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  if (url?.replace(/\?.*$/s, '') !== '/metrics') response.writeHead(404).end();
  else if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
  else {
    const text = await page.scrape();
    response.writeHead(200, { 'content-type': page.contentType, 'content-length': Buffer.byteLength(text) }).end(text);
  }
}
