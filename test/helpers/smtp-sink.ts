// A mail server with TLS that keeps what it takes, and misbehaves where a test wants it to.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { localhostCertificate } from './localhost-certificate.ts';

export type Received = {
  readonly to: readonly string[];
  readonly from: string;
  readonly mail: Email;
  readonly raw: string;
};

/** What the server says instead of taking a mail; `hang` reads DATA and never answers. */
export type Answer = { readonly code: number; readonly at: 'MAIL' | 'RCPT' | 'DATA' } | 'hang' | undefined;

export type SmtpSink = {
  readonly url: string;
  /** SMTP_CA_FILE */
  readonly caFile: string;
  readonly received: Received[];
  /** asked for each mail, by recipient; what it says holds for that mail */
  answer: (recipient: string) => Answer;
  /** resolves at the next DATA that hangs */
  hung(): Promise<void>;
  /** takes the mail that hangs after all */
  release(): void;
  close(): Promise<void>;
};

type SinkOptions = Pick<SMTPServerOptions, 'secure' | 'disabledCommands'> & {
  readonly user?: string;
  readonly password?: string;
};

/** Starts one on a port of its own. */
export async function startSmtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const directory = mkdtempSync(join(tmpdir(), 'igc-smtp-'));
  const { key, certificate } = localhostCertificate(directory);
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, certificate);
  let hanging = Promise.withResolvers<void>();
  let take = (): void => undefined;
  const sink: Omit<SmtpSink, 'url' | 'close'> = {
    caFile,
    received: [],
    answer: () => undefined,
    hung: () => hanging.promise,
    release: () => take(),
  };
  const refusal = (recipient: string, at: 'MAIL' | 'RCPT' | 'DATA'): Error | null => {
    const answer = sink.answer(recipient);
    if (answer === undefined || answer === 'hang' || answer.at !== at) return null;
    return Object.assign(new Error(`no mail for <${recipient}>`), { responseCode: answer.code });
  };
  const server = new SMTPServer({
    secure: options.secure ?? false,
    disabledCommands: options.disabledCommands ?? [],
    authOptional: options.user === undefined,
    key,
    cert: certificate,
    closeTimeout: 200,
    onAuth: ({ username, password }, _session, callback) =>
      username === options.user && password === options.password
        ? callback(null, { user: username })
        : callback(Object.assign(new Error('no'), { responseCode: 535 })),
    onMailFrom: (_address, _session, callback) => callback(refusal('', 'MAIL')),
    onRcptTo: ({ address }, _session, callback) => callback(refusal(address, 'RCPT')),
    onData(stream, { envelope }, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        const to = envelope.rcptTo.map(({ address }) => address);
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const raw = Buffer.concat(chunks);
        const refused = refusal(to[0] ?? '', 'DATA');
        if (refused !== null) return callback(refused);
        sink.received.push({ to, from, mail: await PostalMime.parse(raw), raw: raw.toString('utf8') });
        if (sink.answer(to[0] ?? '') === 'hang') {
          take = callback;
          hanging.resolve();
          hanging = Promise.withResolvers<void>();
          return;
        }
        callback();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(sink, {
    url: `${options.secure ? 'smtps' : 'smtp'}://localhost:${port}`,
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(directory, { recursive: true });
    },
  });
}

/** A server that greets, answers EHLO with `extensions`, keeps every line that it reads, and goes no further. */
export async function startPlainServer(
  extensions: readonly string[],
): Promise<{ url: string; lines: string[]; close(): void }> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write('220 plain ESMTP\r\n');
    socket.setEncoding('utf8').on('data', (text: string) => {
      lines.push(...text.split('\r\n').filter(Boolean));
      if (/^EHLO/i.test(text))
        socket.write(
          [
            ...['plain', ...extensions].slice(0, -1).map((word) => `250-${word}`),
            `250 ${['plain', ...extensions].at(-1)}`,
            '',
          ].join('\r\n'),
        );
      else socket.write('502 no\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `smtp://localhost:${(server.address() as AddressInfo).port}`,
    lines,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
