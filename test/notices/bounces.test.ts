// Mails that come back as files of the mail system: RFC 3464 reports, true, forged and broken.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { listContacts } from '#db/contacts.ts';
import { recordReport } from '#db/delivery-reports.ts';
import { readBounces, readReceivedReports } from '../../src/notices/bounces.ts';
import { recordDueNotices } from '../../src/notices/record.ts';
import { sendWaitingMails } from '../../src/notices/send.ts';
import { type NoticeStage, prepareNotices } from '../helpers/notices.ts';

const OWNER = 'dsi@hopital.example.fr';
const FALLBACK = 'standard@hopital.example.fr';

let stage: NoticeStage;
let directory: string;
beforeAll(async () => {
  stage = await prepareNotices();
});
afterAll(() => stage?.close());
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'igc-bounces-'));
  await stage.empty();
  await stage.contact('structure', OWNER);
  await stage.contact('structure', FALLBACK, { role: 'fallback' });
  await stage.issue('2027-06-15T10:00:00Z');
  stage.setClock('2027-04-15T10:00:00Z');
  await recordDueNotices(stage.system);
  await send();
});
afterEach(() => rmSync(directory, { recursive: true }));

const send = () => sendWaitingMails(stage.system, stage.mailer, 100);
const receivers = () => stage.sink.received.map(({ to }) => to[0]);
const sentId = () => stage.sink.received[0]?.mail.messageId ?? '';
const refused = async () => (await listContacts(stage.fresh.db.read, { refused: true })).map(({ email }) => email);

type Report = { messageId?: string; recipient?: string; action?: string; status?: string; type?: string };
const report = ({ messageId = sentId(), recipient = OWNER, action = 'failed', status = '5.1.1', type }: Report = {}) =>
  [
    'From: MAILER-DAEMON@mx.example.fr',
    'Message-ID: <dsn.1@mx.example.fr>',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\n boundary="b"`,
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'It could not be delivered.',
    '',
    '--b',
    `Content-Type: ${type ?? 'message/delivery-status'}`,
    '',
    'Reporting-MTA: dns; mx.example.fr',
    '',
    `Original-Recipient: rfc822;${recipient}`,
    `Final-Recipient: rfc822; ${recipient.toUpperCase()}`,
    `Action: ${action}`,
    `Status: ${status}`,
    'Diagnostic-Code: smtp; 550 5.1.1 unknown',
    '',
    '--b',
    'Content-Type: message/rfc822',
    '',
    `Message-ID: ${messageId}`,
    'Subject: Certificat',
    '',
    'text',
    '--b--',
    '',
  ].join('\r\n');
const drop = (text: string | Buffer, name = 'report.eml') => writeFileSync(join(directory, name), text);

it('an address that does not exist any more is marked, and the next contact gets the mail', async () => {
  drop(report());
  expect(await readBounces(stage.system, directory)).toBe(1);
  expect(await refused()).toEqual([OWNER]);
  await send();
  expect(receivers().slice(1).sort()).toEqual([FALLBACK, stage.system.policies.notices.operators[0]?.address].sort());
  expect(readdirSync(join(directory, 'done'))).toEqual(['report.eml']);
  expect((await listAlarms(stage.fresh.db.read)).map(({ kind }) => kind).sort()).toEqual([
    'contact_missing',
    'mail_refused',
  ]);
});

it('the same report twice changes nothing more', async () => {
  drop(report());
  drop(report(), 'again.eml');
  expect(await readBounces(stage.system, directory)).toBe(1);
  expect(readdirSync(join(directory, 'done')).sort()).toEqual(['again.eml', 'report.eml']);
});

it.each([
  ['about a mail that we did not send', { messageId: '<notice.x.2m@igc-sante.example.fr>' }],
  ['about an address that we did not write to', { recipient: 'boss@hopital.example.fr' }],
  ['of a delay', { action: 'delayed', status: '4.4.1' }],
  ['of a success', { action: 'delivered', status: '2.0.0' }],
  ['that is none', { type: 'text/plain' }],
])('a report %s marks nobody and is laid aside', async (_, change) => {
  drop(report(change));
  expect(await readBounces(stage.system, directory)).toBe(0);
  expect(await refused()).toEqual([]);
  expect(readdirSync(join(directory, 'unread'))).toEqual(['report.eml']);
});

it('a file without end and one of no text are laid aside, and the next ones are read', async () => {
  drop(Buffer.concat([Buffer.from(report()), Buffer.alloc(1_100_000, 'x')]), 'a-large');
  drop(Buffer.from([0xff, 0xfe, 0x00, 0x0d]), 'b-bytes');
  drop(report(), 'c-report');
  expect(await readBounces(stage.system, directory)).toBe(1);
  expect(readdirSync(join(directory, 'unread')).sort()).toEqual(['a-large', 'b-bytes']);
  expect(existsSync(join(directory, 'done', 'c-report'))).toBe(true);
});

it('what the API was handed does the same, once, and is kept as read or as unread', async () => {
  const { read } = stage.fresh.db;
  const hand = (text: string) => recordReport(read, Buffer.from(text, 'latin1'), new Date());
  await hand(report());
  await hand(report());
  await hand(report({ messageId: '<notice.other.2m@igc-sante.example.fr>' }));
  await hand('no report at all');
  expect(await readReceivedReports(stage.system)).toBe(1);
  expect(await refused()).toEqual([OWNER]);
  const { rows } = await read.execute<{ state: string }>(sql`select state from delivery_report order by id`);
  expect(rows.map(({ state }) => state)).toEqual(['done', 'done', 'unread', 'unread']);
  expect(await readReceivedReports(stage.system)).toBe(0);
});
