// A receiver of webhooks on this machine that takes, refuses, redirects, hangs or breaks off, as a test tells it to.

import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ReceivedPost = { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string };

export type WebhookReceiver = {
  /** `http://127.0.0.1:…`; what stands behind it is the path of what is received */
  readonly url: string;
  readonly received: ReceivedPost[];
  /** a status, or what is done with the response; 200 unless a test says more */
  answer: (post: ReceivedPost) => number | ((response: ServerResponse) => void);
  /** answers 200 to everyone who still waits */
  release(): void;
  close(): Promise<void>;
};

/** Answers nothing, until `release`. */
export const hang = (): void => undefined;

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    open.add(response);
    response.on('close', () => open.delete(response));
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      const post = { path: request.url ?? '', headers: request.headers, body };
      receiver.received.push(post);
      const answer = receiver.answer(post);
      if (typeof answer === 'number') response.writeHead(answer).end();
      else answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: () => 200,
    release() {
      for (const response of open) response.writeHead(200).end();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/** Which signatures of a POST this secret makes, by their place in the header: computed here from what docs/webhooks.md says. */
export function signedWith(secret: string, { headers, body }: ReceivedPost): number[] {
  const [time = '', ...signatures] = String(headers['igc-signature']).split(',');
  const wanted = createHmac('sha256', secret)
    .update(`${time.slice(2)}.${body}`)
    .digest('hex');
  return signatures.flatMap((part, at) => (part === `v1=${wanted}` ? [at] : []));
}
