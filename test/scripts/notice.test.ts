// igc notice, with a real mail server and a certificate whose people are known.

import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { recordContact } from '#db/contacts.ts';
import { recordStructure } from '#db/structures.ts';
import { recordDueNotices } from '../../src/notices/record.ts';
import { issued } from '../db/samples.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { prepareService, type Service } from '../helpers/service.ts';
import { type SmtpSink, startSmtpSink } from '../helpers/smtp-sink.ts';
import { runHere } from './run-igc.ts';

const EMAIL = 'dsi@hopital-generique.fr';
const DAY = 86_400_000;

let service: Service;
let sink: SmtpSink;
let id = '';
const igc = (...args: string[]) =>
  runHere({ ...service.environment, SMTP_URL: sink.url, SMTP_CA_FILE: sink.caFile }, 'notice', ...args, '--json');

/** Of the hospital, ordered by nobody that is known. */
async function issue(days: number): Promise<string> {
  const notAfter = new Date(Date.now() + days * DAY);
  const certificate = await issued(service.database.db.read, {
    ...{ subject: `CN=${uuidv7()}.hopital-generique.fr,C=FR`, holder: { kind: 'structure', ...HOSPITAL } },
    ...{ structure: HOSPITAL.structIdNat, notBefore: new Date(notAfter.getTime() - 1_095 * DAY), notAfter },
  });
  return certificate.id;
}

beforeAll(async () => {
  [service, sink] = await Promise.all([prepareService(), startSmtpSink()]);
  const { read } = service.database.db;
  await recordStructure(read, { id: uuidv7(), ...HOSPITAL });
  await recordContact(read, {
    ...{ id: uuidv7(), ownerKind: 'structure', ownerKey: HOSPITAL.structIdNat, role: 'owner' },
    ...{ email: EMAIL, language: 'fr' },
  });
});
beforeEach(async () => {
  id = await issue(20);
  sink.received.length = 0;
  sink.answer = () => undefined;
});
afterAll(async () => {
  await service?.stop();
  await sink?.close();
});

test('a certificate shows when its notices are due and who would get them', async () => {
  const rows = (await igc('show', id)).json();
  expect(rows.map(({ threshold, state, email }) => [threshold, state, email])).toEqual([
    ['2m', 'passed', null],
    ['30d', 'passed', null],
    ['15d', 'due', EMAIL],
    ['7d', 'due', EMAIL],
    ['1d', 'due', EMAIL],
  ]);
});

test('a certificate shows what was told', async () => {
  await recordDueNotices(await service.open('worker'));
  const rows = (await igc('show', id)).json();
  expect(rows.slice(0, 3)).toMatchObject([
    { threshold: '2m', state: 'passed' },
    { threshold: '30d', state: 'pending', email: EMAIL },
    { threshold: '15d', state: 'due' },
  ]);
});

test('a certificate of which nobody is told shows that, and cannot be rehearsed', async () => {
  const replaced = await issue(-1);
  const rows = (await igc('show', replaced)).json();
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['not expected']));
  expect(await igc('rehearse', replaced, '--recipients')).toMatchObject({ code: 4 });
  expect(sink.received).toEqual([]);
});

test('a rehearsal is the mail of the certificate, marked, and leaves the real one as it was', async () => {
  expect((await igc('rehearse', id, '--recipients')).json()).toEqual([
    { email: EMAIL, language: 'fr', outcome: 'sent', why: null },
  ]);
  expect((await igc('rehearse', id, '--to', 'me@example.org', '--language', 'en')).json()).toMatchObject([
    { email: 'me@example.org', outcome: 'sent' },
  ]);
  expect(sink.received.map(({ to, mail }) => [to, mail.subject?.slice(0, 8)])).toEqual([
    [[EMAIL], '[Essai] '],
    [['me@example.org'], '[Test] C'],
  ]);
  expect(new Set(sink.received.map(({ mail }) => mail.messageId)).size).toBe(2);
  expect(sink.received[0]?.mail.attachments).toHaveLength(1);
  expect((await igc('show', id)).json()).toMatchObject(
    Array.from({ length: 5 }, () => ({ state: expect.not.stringContaining('sent') })),
  );
});

test('the audit keeps who was sent a rehearsal, in what can be erased', async () => {
  await igc('rehearse', id, '--to', 'me@example.org');
  const { rows } = await service.database.db.read.execute<{ actor: string; content: object }>(
    sql`select actor, content from audit_event where kind = 'notice_rehearsed' and subject_id = ${id}`,
  );
  expect(rows).toMatchObject([
    { actor: expect.stringContaining('operator'), content: { recipients: ['me@example.org'] } },
  ]);
});

test('a rehearsal without a mail is one that says to whom it would go', async () => {
  expect((await igc('rehearse', id, '--recipients', '--dry-run')).json()).toMatchObject([
    { email: EMAIL, outcome: 'dry run' },
  ]);
  expect(sink.received).toEqual([]);
});

test('what the server refuses is told by a code, and igc does not end well', async () => {
  sink.answer = () => ({ code: 550, at: 'RCPT' });
  const { code, stderr, json } = await igc('rehearse', id, '--recipients');
  expect({ code, rows: json() }).toMatchObject({ code: 69, rows: [{ outcome: 'refused', why: 'smtp_550' }] });
  expect(stderr).not.toContain(EMAIL);
});

test('a rehearsal goes to one mailbox or to the recipients, and to nothing that is no mailbox', async () => {
  expect(await igc('rehearse', id)).toMatchObject({ code: 2 });
  expect(await igc('rehearse', id, '--recipients', '--to', EMAIL)).toMatchObject({ code: 2 });
  expect((await igc('rehearse', id, '--to', 'a@example.fr,b@example.fr')).stderr).toContain('name_not_allowed');
  expect(sink.received).toEqual([]);
});
