// Four hundred days with a worker that runs once a day, over three changes of the clocks and a 29 February. When each mail was due is
// counted by PostgreSQL, which shares nothing with the code.

import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { checkNotices } from '../../src/notices/check.ts';
import { recordDueNotices } from '../../src/notices/record.ts';
import { sendWaitingMails } from '../../src/notices/send.ts';
import { type NoticeStage, prepareNotices } from '../helpers/notices.ts';

const FIRST = Date.parse('2027-10-01T05:00:00Z');
const DAYS = 400;
const DAY_MS = 86_400_000;

/** Ends of months, days around each change of the clocks, the leap day and the days that two months before them lead to. */
const ENDS = [
  ...['2027-12-31T22:59:59Z', '2028-01-01T00:00:00Z', '2028-01-31T10:00:00Z', '2028-02-28T23:30:00Z'],
  ...['2028-02-29T10:00:00Z', '2028-03-26T00:30:00Z', '2028-03-26T01:30:00Z', '2028-03-27T00:30:00Z'],
  ...['2028-04-28T22:30:00Z', '2028-04-29T10:00:00Z', '2028-04-30T10:00:00Z', '2028-05-01T04:59:00Z'],
  ...['2028-05-26T00:30:00Z', '2028-05-31T21:59:59Z', '2028-06-30T12:00:00Z', '2028-08-31T03:00:00Z'],
  ...['2028-10-29T00:30:00Z', '2028-10-29T01:30:00Z', '2028-10-30T01:30:00Z', '2028-11-03T05:00:01Z'],
];

let stage: NoticeStage;
beforeAll(async () => {
  stage = await prepareNotices();
  await stage.contact('structure', 'dsi@hopital.example.fr');
});
afterAll(() => stage?.close());

it('each certificate has one mail at each of five thresholds, on the first run after it was due', async () => {
  for (const end of ENDS) await stage.issue(end);
  const sent = new Map<string, Date>();
  for (let day = 0; day < DAYS; day += 1) {
    const now = new Date(FIRST + day * DAY_MS);
    stage.setClock(now);
    await recordDueNotices(stage.system);
    await sendWaitingMails(stage.system, stage.mailer, 1_000);
    if (day % 50 === 0) expect(await checkNotices(stage.system)).toBe(0);
    for (const { mail } of stage.sink.received.splice(0)) {
      const { messageId = 'none' } = mail;
      expect(sent.has(messageId)).toBe(false);
      sent.set(messageId, now);
    }
  }
  const { rows } = await stage.fresh.db.read.execute<{ message: string; due: string }>(sql`
    select '<notice.' || certificate.id || '.' || name || '@igc-sante.example.fr>' as message,
      ((not_after at time zone 'Europe/Paris') - before) at time zone 'Europe/Paris' as due
    from certificate cross join (values ('2m', interval '2 months'), ('30d', interval '30 days'), ('15d', interval '15 days'),
      ('7d', interval '7 days'), ('1d', interval '1 day')) as threshold (name, before)
    order by message`);
  expect([...sent.keys()].sort()).toEqual(rows.map(({ message }) => message).sort());
  const wrong = rows.filter(({ message, due }) => {
    const late = (sent.get(message)?.getTime() ?? 0) - new Date(due).getTime();
    return late < 0 || late >= DAY_MS;
  });
  expect(wrong).toEqual([]);
  expect(await listAlarms(stage.fresh.db.read, { ended: true })).toEqual([]);
}, 300_000);
