// The thread that holds the token, and nothing else. C_SignInit, searches and logins are synchronous: a token that hangs freezes
// this thread, while the one with the sockets goes on to answer. The heartbeat tells that one how this one is.
import { parentPort, workerData } from 'node:worker_threads';
import type { TokenKey } from './key-objects.ts';
import { keepToken, type TokenKeeper, toOutageMessage } from './token-keeper.ts';
import type { FromThread, ThreadOptions, TokenRequest, ToThread } from './token-messages.ts';

const HEARTBEAT_MS = 50;

const port = parentPort;
if (port === null) throw new Error('token-thread.ts runs as a thread of the signer');

const options: ThreadOptions = workerData;
const heartbeat = new Int32Array(options.heartbeat);
const beating = setInterval(() => Atomics.add(heartbeat, 0, 1), HEARTBEAT_MS);

const answer = (message: FromThread): void => port.postMessage(message);
const keeper = keepToken(options, (status) => answer({ status }));

port.on('message', ({ id, request }: ToThread) => {
  perform(keeper, request).then(
    (result) => {
      answer({ id, result });
      if (request.op !== 'close') return;
      // nothing is left then that would keep the thread
      clearInterval(beating);
      port.close();
    },
    (error: unknown) => answer({ id, outage: toOutageMessage(error) }),
  );
});

async function perform(keeper: TokenKeeper, request: TokenRequest): Promise<unknown> {
  switch (request.op) {
    case 'sign':
      return keeper.use((token) => token.sign(request));
    case 'findKey':
      return keeper.use((token) => plainKey(token.findKey(request.keyId)));
    case 'generateKey':
      return keeper.use((token) => token.generateKey(request.algorithm, options.tokenLabel));
    case 'listKeys':
      return keeper.use((token) => token.listKeyIds());
    case 'destroyKey':
      return keeper.use((token) => token.destroyKey(request.keyId));
    case 'recycleSessions':
      return keeper.use((token) => token.recycleSessions());
    case 'close':
      return keeper.close();
  }
}

/** Without handles, which mean nothing elsewhere. */
const plainKey = (key: TokenKey | undefined): TokenKey | undefined =>
  key === undefined ? undefined : { keyId: key.keyId, spki: key.spki };
