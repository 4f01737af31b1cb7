// The door to SMTP against a real server over a real socket: what each misbehaviour becomes, and that nothing is ever said in clear.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { Outage } from '../../src/errors.ts';
import { type Mail, type Mailer, openMailer } from '../../src/notices/mail.ts';
import { type SmtpSink, startPlainServer, startSmtpSink } from '../helpers/smtp-sink.ts';
import { policies } from '../policy/policies.ts';

const FROM = policies.notices.from;
const POLICY = { from: FROM, sender: { ...policies.notices.sender, perSecond: 1_000, deadlineSeconds: 3 } };
const MAIL: Mail = {
  messageId: '<notice.2m@igc-sante.example.fr>',
  to: 'dsi@hopital.example.fr',
  subject: 'Échéance le 3 mai',
  text: 'Texte',
  html: '<p>Texte</p>',
};

let sink: SmtpSink;
const mailers: Mailer[] = [];
beforeAll(async () => {
  sink = await startSmtpSink();
});
afterAll(() => sink?.close());
beforeEach(() => {
  sink.received.length = 0;
  sink.answer = () => undefined;
});
afterEach(() => {
  for (const mailer of mailers.splice(0)) mailer.close();
});

function open(config: Partial<Config> = {}, policy = POLICY): Mailer {
  const environment = { SMTP_URL: sink.url, SMTP_CA_FILE: sink.caFile, ...config };
  const mailer = openMailer(
    loadConfig(Object.fromEntries(Object.entries(environment).map(([k, v]) => [k, String(v)]))),
    policy,
  );
  if (mailer === undefined) throw new Error('SMTP_URL is set');
  mailers.push(mailer);
  return mailer;
}
const outageOf = async (sending: Promise<unknown>): Promise<unknown> => {
  const error = await sending.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(Outage);
  expect(String(error)).not.toContain('@');
  return error.cause;
};

it('sends over STARTTLS what it was given, to one recipient, with the Message-ID that it was given', async () => {
  expect(await open().send(MAIL)).toEqual({ kind: 'sent' });
  expect(sink.received).toMatchObject([
    {
      to: [MAIL.to],
      from: FROM.address,
      mail: { messageId: MAIL.messageId, subject: MAIL.subject, from: FROM, to: [{ address: MAIL.to }] },
    },
  ]);
});

it('sends over TLS from the first byte, with a name and a password', async () => {
  const secure = await startSmtpSink({ secure: true, user: 'igc', password: 'test-smtp-word' });
  const password = join(secure.caFile, '..', 'password');
  writeFileSync(password, 'test-smtp-word\n');
  const place = { SMTP_URL: secure.url, SMTP_CA_FILE: secure.caFile, SMTP_USER: 'igc' };
  expect(await open({ ...place, SMTP_PASSWORD_FILE: password }).send(MAIL)).toEqual({ kind: 'sent' });
  writeFileSync(password, 'another-word');
  expect(await outageOf(open({ ...place, SMTP_PASSWORD_FILE: password }).send(MAIL))).toBe('smtp_535');
  await secure.close();
});

it('is off without SMTP_URL, and refuses a name without a password', () => {
  expect(openMailer(loadConfig({}), POLICY)).toBeUndefined();
  expect(() => open({ SMTP_USER: 'igc' })).toThrow('go together');
  expect(() => open({ SMTP_CA_FILE: '/nowhere' })).toThrow('SMTP_CA_FILE');
});

describe('what the server answers', () => {
  it.each([
    [
      { code: 550, at: 'RCPT' },
      { kind: 'refused', address: true, why: 'smtp_550' },
    ],
    [
      { code: 451, at: 'RCPT' },
      { kind: 'later', why: 'smtp_451' },
    ],
    [
      { code: 452, at: 'DATA' },
      { kind: 'later', why: 'smtp_452' },
    ],
    [
      { code: 554, at: 'DATA' },
      { kind: 'refused', address: false, why: 'smtp_554' },
    ],
  ] as const)('%o becomes %o', async (answer, delivery) => {
    sink.answer = () => answer;
    expect(await open().send(MAIL)).toEqual(delivery);
  });

  it.each([
    [{ code: 421, at: 'RCPT' }, 'smtp_421'],
    [{ code: 421, at: 'DATA' }, 'smtp_421'],
    [{ code: 550, at: 'MAIL' }, 'smtp_550'],
    [{ code: 451, at: 'MAIL' }, 'smtp_451'],
  ] as const)('%o is nobody’s address: Outage %s', async (answer, why) => {
    sink.answer = () => answer;
    expect(await outageOf(open().send(MAIL))).toBe(why);
  });

  it('nothing at all after DATA ends at the deadline, and the connection with it', async () => {
    sink.answer = () => 'hang';
    expect(await outageOf(open().send(MAIL))).toMatch(/^smtp_(deadline|etimedout)$/);
    sink.answer = () => undefined;
    expect(await open().send(MAIL)).toEqual({ kind: 'sent' });
  });
});

describe('TLS', () => {
  it('that was stripped from the answer to EHLO is asked for all the same, and nothing is said in clear', async () => {
    const server = await startPlainServer(['8BITMIME']);
    expect(await outageOf(open({ SMTP_URL: server.url }).send(MAIL))).toMatch(/^smtp_/);
    expect(server.lines.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'STARTTLS']);
    server.close();
  });

  it('of a server that offers it and refuses it ends the connection', async () => {
    const server = await startPlainServer(['STARTTLS', 'AUTH PLAIN']);
    await outageOf(open({ SMTP_URL: server.url }).send(MAIL));
    expect(server.lines.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'STARTTLS']);
    server.close();
  });

  it('with a certificate that nobody vouches for ends the connection', async () => {
    const other = await startSmtpSink();
    await outageOf(open({ SMTP_URL: other.url }).send(MAIL));
    expect(other.received).toEqual([]);
    await other.close();
  });
});

it('a server that is not there is an Outage', async () => {
  expect(await outageOf(open({ SMTP_URL: 'smtp://localhost:1' }).send(MAIL))).toBe('smtp_esocket');
});

it.each([
  { to: 'a@example.fr\r\nBcc: b@example.fr' },
  { subject: 'x\r\nBcc: b@example.fr' },
  { messageId: '<a@b>\r\nBcc: b@example.fr' },
])('a second header in %o is refused before anything is sent', async (change) => {
  await expect(open().send({ ...MAIL, ...change })).rejects.toMatchObject({ code: 'name_not_allowed' });
  expect(sink.received).toEqual([]);
});
