// The door for mail systems: who knocks with the right token hands in a message, and nobody else has a byte read.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listWaitingReports } from '#db/delivery-reports.ts';
import { loadConfig } from '../../src/config.ts';
import type { ApiUseCases } from '../../src/http/use-cases.ts';
import { createReportDesk } from '../../src/notices/report-desk.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { ask, expectInContract } from './fake-use-cases.ts';

const SECRET = 'a secret of the mail system, of 32 characters or more';
const REPORT = 'From: MAILER-DAEMON@mx.example.fr\r\n\r\nIt came back: \u00e9\r\n';

let fresh: FreshDatabase;
let folder: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), 'igc-reports-'));
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  writeFileSync(join(folder, 'short'), 'a secret of 31 characters only.');
});
afterAll(async () => {
  await fresh?.drop();
  rmSync(folder, { recursive: true });
});

function deskOf(name?: string): Pick<ApiUseCases, 'admitMailSystem' | 'recordDeliveryReport'> {
  const config = loadConfig(name === undefined ? {} : { BOUNCE_SECRET_FILE: join(folder, name) });
  const desk = createReportDesk({ config, db: fresh.db, clock: () => new Date() });
  return { admitMailSystem: desk.admit, recordDeliveryReport: desk.record };
}
type Sent = {
  readonly token?: string;
  readonly type?: string;
  readonly payload?: string | Buffer;
  readonly file?: string | undefined;
};
async function post(sent: Sent = {}) {
  const { token = `Bearer ${SECRET.replaceAll(' ', '_')}`, type = 'message/rfc822', payload = REPORT } = sent;
  const headers = { 'content-type': type, ...(token === '' ? {} : { authorization: token }) };
  const desk = deskOf('file' in sent ? sent.file : 'token');
  const response = await ask({ method: 'POST', url: '/v1/delivery-reports', headers, payload }, desk);
  return [response.statusCode, response.statusCode === 202 ? '' : response.json().code, response] as const;
}
const kept = async () =>
  (await listWaitingReports(fresh.db.read, 100)).map(({ message }) => Buffer.from(message).toString());

beforeAll(() => writeFileSync(join(folder, 'token'), SECRET.replaceAll(' ', '_')));

it('a message with the right token is kept as it came', async () => {
  const [status, , response] = await post();
  expect([status, response.body]).toEqual([202, '']);
  expect(await kept()).toEqual([REPORT]);
});

it('another token, none, and one of another kind are refused before the body is read', async () => {
  const before = await kept();
  for (const token of ['', 'Bearer x', `Bearer ${SECRET.replaceAll(' ', '_')}x`, 'Basic eDp5', 'Bearer'])
    for (const payload of [REPORT, Buffer.alloc(1_000_000)]) {
      const [status, code, response] = await post({ token, payload });
      expect([status, code]).toEqual([401, 'bearer_token_refused']);
      expectInContract('recordDeliveryReport', response);
    }
  expect(await kept()).toEqual(before);
});

it.each([
  'text/plain',
  'application/json',
  'multipart/report',
  'message/rfc822; charset=utf-16',
  'message/delivery-status',
])('a body of type %s is refused', async (type) => {
  const [status, code, response] = await post({ type });
  expect([status, code]).toEqual([415, 'media_type_not_supported']);
  expectInContract('recordDeliveryReport', response);
});

it('256 KiB are taken, and not one octet more, nor none', async () => {
  expect((await post({ payload: Buffer.alloc(262_144, 'x') }))[0]).toBe(202);
  expect((await post({ payload: Buffer.alloc(262_145, 'x') })).slice(0, 2)).toEqual([413, 'body_too_large']);
  const [status, code, response] = await post({ payload: '' });
  expect([status, code]).toEqual([400, 'body_malformed']);
  expectInContract('recordDeliveryReport', response);
});

it('where no mail system is known there is no such door', async () => {
  expect((await post({ file: undefined })).slice(0, 2)).toEqual([404, 'not_found']);
});

it('a secret that is short or missing is refused at the start', () => {
  for (const name of ['short', 'missing']) expect(refusalOf(() => deskOf(name)).code).toBe('configuration_invalid');
});
