// A process of its own that is a mail server with TLS: it takes every mail and notes which, and now and then it has the whole of one
// and does not answer until whoever sent it was killed. The clients' names tell the workers apart. Its first line on stdin says what
// to do; each `gone` says that the worker it waits for is dead, and the end of stdin that nothing more will come.

import { appendFileSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export type SinkOrder = {
  readonly key: string;
  readonly certificate: string;
  readonly password: string;
  /** file to which deliveries are written at the end, one JSON object a line */
  readonly deliveries: string;
  readonly kills: number;
  /** so many mails are taken between two that are held */
  readonly between: number;
};

/** `at` is milliseconds since 1970, when the mail was stored, which is before its 250; `serial` the number that its reader is told. */
export type Delivery = {
  readonly messageId: string;
  readonly to: string;
  readonly serial: string;
  readonly at: number;
};

/** The whole mail is here, and there was no 250; `stored` says whether it counts as delivered all the same. */
export type Held = {
  readonly event: 'held';
  readonly user: string;
  readonly messageId: string;
  readonly to: string;
  readonly stored: boolean;
};
export type SinkEvent = { readonly event: 'listening'; readonly port: number } | Held;

const tell = (event: SinkEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const order: SinkOrder = JSON.parse((await lines.next()).value ?? '');
const deliveries: Delivery[] = [];
let holds = 0;
let held: (() => void) | undefined;

/** Every second mail that is held was stored, like that of a server that dies before it answers; the others were not. */
function take(user: string, delivery: Delivery, answer: (error?: Error) => void): void {
  const isHeld = held === undefined && holds < order.kills && deliveries.length >= (holds + 1) * order.between;
  if (!isHeld) {
    deliveries.push(delivery);
    answer();
    return;
  }
  const stored = holds % 2 === 0;
  holds += 1;
  if (stored) deliveries.push(delivery);
  // nobody is there to read it
  held = () => answer(Object.assign(new Error('gone'), { responseCode: 421 }));
  tell({ event: 'held', user, messageId: delivery.messageId, to: delivery.to, stored });
}

const server = new SMTPServer({
  key: readFileSync(order.key),
  cert: readFileSync(order.certificate),
  logger: false,
  disableReverseLookup: true,
  onAuth: ({ username, password }, _session, callback) =>
    password === order.password
      ? callback(null, { user: username })
      : callback(Object.assign(new Error('no'), { responseCode: 535 })),
  onData(stream, { envelope, user }, callback) {
    text(stream).then((raw) => {
      const messageId = /^message-id:\s*(<[^>]+>)/im.exec(raw)?.[1] ?? '';
      const serial = /\b42[0-9a-f]{30}\b/.exec(raw.replaceAll('=\r\n', ''))?.[0] ?? '';
      const to = envelope.rcptTo.map(({ address }) => address).join();
      take(String(user), { messageId, to, serial, at: Date.now() }, callback);
    }, callback);
  },
});
// a client that was killed says no goodbye
server.on('error', () => undefined);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.server.address() as AddressInfo;
  tell({ event: 'listening', port });
});

for await (const line of lines) {
  if (line !== 'gone') throw new Error(`the sink was told ${line}`);
  held?.();
  held = undefined;
}
appendFileSync(order.deliveries, deliveries.map((delivery) => `${JSON.stringify(delivery)}\n`).join(''));
process.exit(0);
