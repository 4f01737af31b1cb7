// Stands between the observer and the public role, and answers what it is told to for one path; everything else is passed through.

import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Lie = (response: ServerResponse) => void;

export type LyingPublic = {
  readonly url: string;
  /** instead of the true answer; undefined: the truth again */
  lie(path: string, lie: Lie | undefined): void;
  close(): Promise<void>;
};

/** Starts one in front of the listener at `publicPort`. */
export async function startLyingPublic({ publicPort }: { readonly publicPort: number }): Promise<LyingPublic> {
  const lies = new Map<string, Lie>();
  const server = createServer((incoming, response) => {
    const lie = lies.get(incoming.url ?? '');
    if (lie !== undefined) {
      incoming.resume();
      lie(response);
      return;
    }
    const { method, url: path, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: publicPort, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    lie: (path, lie) => {
      if (lie === undefined) lies.delete(path);
      else lies.set(path, lie);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
