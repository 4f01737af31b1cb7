// The only door to SMTP. What comes out of it is a word about the mail; neither an address nor a server's sentence, which may quote
// one, ever leaves it in an error or a log line.

import { readFileSync } from 'node:fs';
import { createTransport, type NodemailerError, type SendMailOptions } from 'nodemailer';
import type { Config } from '../config.ts';
import { Outage, Refusal } from '../errors.ts';
import type { NoticePolicy } from '../policy/notices.ts';

export type Mail = {
  /** with its angle brackets; the same for every try */
  readonly messageId: string;
  /** one mailbox */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  /** an iCalendar object of RFC 5545 */
  readonly calendar?: string;
};

/**
 * `refused`: for good, and `address` says whether because of the address; `later`: this mail may be taken at another time. `why` is a
 * code of ours: `smtp_550`.
 */
export type Delivery =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly address: boolean; readonly why: string }
  | { readonly kind: 'later'; readonly why: string };

export type Mailer = {
  /**
   * Hands one mail to the server within the policy's deadline. Throws Outage `mail` when the server is away, does not answer in time,
   * offers no TLS, or takes nothing from us: the mail may have been taken all the same, and may be sent again.
   */
  send(mail: Mail): Promise<Delivery>;
  close(): void;
};

type Policy = Pick<NoticePolicy, 'from' | 'sender'>;

/** Prepares connections to SMTP_URL; undefined when that is not set. Refusal `configuration_invalid` when a file cannot be read. */
export function openMailer(config: Config, { from, sender }: Policy): Mailer | undefined {
  if (config.SMTP_URL === undefined) return undefined;
  const deadlineMs = sender.deadlineSeconds * 1_000;
  const transport = createTransport({ ...poolOptions(sender), ...serverOptions(config, sender) });
  return {
    async send(mail) {
      refuseLineEnds([mail.messageId, mail.to, mail.subject]);
      try {
        await within(deadlineMs, transport.sendMail(messageOf(mail, from)));
        return { kind: 'sent' };
      } catch (error) {
        return deliveryOf(error);
      }
    },
    close: () => transport.close(),
  };
}

const poolOptions = ({ connections, perSecond, deadlineSeconds }: NoticePolicy['sender']) => ({
  pool: true as const,
  maxConnections: connections,
  rateLimit: perSecond,
  // whoever asked decides whether a mail is sent again, never the pool
  maxRequeues: 0,
  connectionTimeout: deadlineSeconds * 500,
  greetingTimeout: deadlineSeconds * 500,
  dnsTimeout: deadlineSeconds * 500,
  // silence of the server ends the connection before the deadline of the mail, so that no connection outlives its mail
  socketTimeout: deadlineSeconds * 900,
  disableFileAccess: true,
  disableUrlAccess: true,
  logger: false as const,
});

function serverOptions(config: Config, { tls }: NoticePolicy['sender']) {
  const url = new URL(config.SMTP_URL ?? '');
  const secure = url.protocol === 'smtps:';
  const ca = contentsOf(config, 'SMTP_CA_FILE');
  const password = contentsOf(config, 'SMTP_PASSWORD_FILE')?.replace(/\r?\n$/, '');
  if ((config.SMTP_USER === undefined) !== (password === undefined))
    throw new Refusal('configuration_invalid', 'SMTP_USER and SMTP_PASSWORD_FILE go together');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && tls === 'required',
    tls: { minVersion: 'TLSv1.2' as const, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    ...(config.SMTP_USER === undefined || password === undefined
      ? {}
      : { auth: { user: config.SMTP_USER, pass: password } }),
  };
}

function contentsOf(config: Config, name: 'SMTP_CA_FILE' | 'SMTP_PASSWORD_FILE'): string | undefined {
  const path = config[name];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new Refusal('configuration_invalid', `the file that ${name} names cannot be read`);
  }
}

/** Addresses as objects: as text, one with a comma or a quote in it would be several. */
const messageOf = ({ messageId, to, subject, text, html, calendar }: Mail, from: Policy['from']): SendMailOptions => ({
  messageId,
  // nodemailer writes into what it is given, and the policy is frozen
  from: { ...from },
  to: { name: '', address: to },
  envelope: { from: from.address, to: [to] },
  subject,
  text,
  ...(html === undefined ? {} : { html }),
  headers: { 'Auto-Submitted': 'auto-generated' },
  ...(calendar === undefined
    ? {}
    : {
        attachments: [
          {
            filename: 'certificat.ics',
            content: calendar,
            contentType: 'text/calendar; charset=utf-8; method=PUBLISH',
          },
        ],
      }),
});

function refuseLineEnds(headers: readonly string[]): void {
  if (headers.some((value) => /[\r\n\0]/.test(value)))
    throw new Refusal('name_not_allowed', 'a header of a mail has one line');
}

/** The connection is not waited for: its own timeouts end it. */
async function within<T>(deadlineMs: number, sending: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(away('smtp_deadline')), deadlineMs);
  sending.catch(() => undefined);
  try {
    return await Promise.race([sending, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 5321 §4.2.1 Reply Code Severities and Theory: 4 passes, 5 does not. Only an answer about the recipient blames the address. */
function deliveryOf(error: unknown): Delivery {
  if (!isOfTheServer(error)) throw error;
  const { code = 'unknown', responseCode = 0, command = '' } = error;
  const why = responseCode > 0 ? `smtp_${responseCode}` : `smtp_${code.toLowerCase()}`;
  const aboutMail = command === 'RCPT TO' || command === 'DATA';
  // 421 closes the connection, whatever was being asked
  if (!aboutMail || responseCode < 400 || responseCode === 421) throw away(why);
  if (responseCode < 500) return { kind: 'later', why };
  return { kind: 'refused', address: command === 'RCPT TO', why };
}

/** Its message and response are left where they are: they quote addresses. */
const isOfTheServer = (error: unknown): error is NodemailerError =>
  error instanceof Error && !(error instanceof Outage) && !(error instanceof Refusal) && 'code' in error;

const away = (why: string): Outage =>
  new Outage('mail', `the mail server did not take the mail (${why})`, { cause: why });
