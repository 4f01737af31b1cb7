// GET /metrics over plain HTTP on an address of its own, for Prometheus on the same machine or an inner network: never on a public
// listener. A role without a listener of its own says there too whether it lives (/livez) and is of use (/readyz). It is Node's bare server, so that a signer can have one without loading the service's.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keptForASecond } from '../kept.ts';

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

/** What /readyz shows; anything but `ready` is in the form that a role gives it. */
export type Health = () => Promise<{ readonly ready: boolean; readonly checks: readonly object[] }>;

/** Listens; without `health` there is /metrics alone. Throws what Node throws when the address is taken or not ours. */
export async function listenForScrapes(
  at: { host: string; port: number },
  page: Page,
  health?: Health,
): Promise<MetricsListener> {
  const pages = pagesOf(page, health);
  const server = createServer(LIMITS, (request, response) => {
    answer(request, response, pages).catch(() => response.destroy());
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

type Answer = { readonly status: number; readonly contentType: string; readonly text: string };
type Pages = ReadonlyMap<string, () => Promise<Answer>>;

const json = (status: number, body: object): Answer => ({
  ...{ status, contentType: 'application/json; charset=utf-8', text: JSON.stringify(body) },
});

function pagesOf({ contentType, scrape }: Page, health: Health | undefined): Pages {
  const pages = new Map<string, () => Promise<Answer>>();
  pages.set('/metrics', async () => ({ status: 200, contentType, text: await scrape() }));
  if (health === undefined) return pages;
  const ask = keptForASecond(health);
  pages.set('/livez', async () => json(200, { alive: true }));
  pages.set('/readyz', async () => {
    const { ready, checks } = await ask();
    return json(ready ? 200 : 503, { ready, checks });
  });
  return pages;
}

async function answer({ method, url }: IncomingMessage, response: ServerResponse, pages: Pages): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  const page = pages.get(url?.replace(/\?.*$/s, '') ?? '');
  if (page === undefined) response.writeHead(404).end();
  else if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
  else {
    const { status, contentType, text } = await page();
    response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
  }
}
