// The mail server of the demo: it takes whatever the service sends, over TLS, and keeps each mail as a file.

import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { temporaryFolder } from '../temporary.ts';
import { igc } from './children.ts';
import { atEnd } from './ending.ts';
import { openssl } from './openssl.ts';
import type { Environment } from './place.ts';
import { file, HOSPITAL, type Made, type Stage, until } from './stage.ts';

/** The hospital's own address, at which it is warned. */
const MAILBOX = 'dsi@ch-demonstration.fr';

const received: string[] = [];

/** Starts it on a port of its own, and gives what the roles are told of it. Mails come into `mail/`, numbered as they come. */
export async function startMail(directory: string): Promise<Environment> {
  const [key, certificate] = ['mail.key', 'mail.pem'].map((name) => join(temporaryFolder(), name)) as [string, string];
  await openssl(
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj /CN=localhost'.split(' '),
    ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
  );
  const server = new SMTPServer({
    authOptional: true,
    key: readFileSync(key),
    cert: readFileSync(certificate),
    closeTimeout: 200,
    onData: (stream, _session, callback) => {
      keep(directory, stream).then(() => callback(), callback);
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return { SMTP_URL: `smtp://localhost:${port}`, SMTP_CA_FILE: certificate };
}

/** As it came, for a mail program, and what a person reads of it. */
async function keep(directory: string, stream: NodeJS.ReadableStream): Promise<void> {
  const raw = await buffer(stream);
  const { subject = '', from, to = [], text = '' } = await PostalMime.parse(raw);
  const name = String(received.push(subject)).padStart(2, '0');
  writeFileSync(file({ directory }, 'mail', `${name}.eml`), raw);
  const head = [
    `From: ${from?.address ?? ''}`,
    `To: ${to.map(({ address }) => address).join(', ')}`,
    `Subject: ${subject}`,
  ];
  writeFileSync(file({ directory }, 'mail', `${name}.txt`), `${head.join('\n')}\n\n${text}`);
}

/** The hospital is to be warned of ends. */
export async function addContact({ environment }: Stage): Promise<void> {
  await igc(environment, 'contact', 'add', '--structure', HOSPITAL.id, '--email', MAILBOX, '--language', 'fr');
}

/** Has the notice of a certificate sent to those who will get it, and answers its subject once it is there. */
export async function receiveNotice({ environment }: Stage, { serial }: Made): Promise<string> {
  await igc(environment, 'notice', 'rehearse', serial, '--recipients');
  await until('the mail has come', async () => received.length > 0);
  return received[0] ?? '';
}
