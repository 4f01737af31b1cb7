// A way to a port of this machine that can be made to hang: what is said is taken, and nothing comes back. Or to break at certain words.

import { connect, createServer, type Socket } from 'node:net';

export type Proxy = {
  readonly port: number;
  /** from now on nothing passes, on open connections and on new ones */
  hang(): void;
  flow(): void;
  /** from now on a connection on which somebody says this text ends; with undefined none does */
  breakAt(text: string | undefined): void;
  stop(): Promise<void>;
};

export async function startProxy(to: number): Promise<Proxy> {
  let hanging = false;
  let breaking: string | undefined;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('data', (data) => {
        if (breaking !== undefined && from === near && data.includes(breaking)) near.destroy();
        else if (!hanging) into.write(data);
      });
      from.on('error', () => undefined);
      from.once('close', () => {
        open.delete(from);
        into.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    hang: () => {
      hanging = true;
    },
    flow: () => {
      hanging = false;
    },
    breakAt: (text) => {
      breaking = text;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
