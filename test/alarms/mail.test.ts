// Alarms by mail, to a real mail server that is away, refuses and comes back, and never more than an hour may have.

import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { endAlarm, listAlarms, recordAlarm } from '#db/alarms.ts';
import { mailAlarms } from '../../src/alarms/deliver-mail.ts';
import { createPatience } from '../../src/patience.ts';
import { alarmMailerOf } from '../../src/worker/alarm-mail.ts';
import { type NoticeStage, prepareNotices } from '../helpers/notices.ts';

const NOON = new Date('2026-11-29T12:00:00Z');
const MINUTE = 60_000;
const STALE = { kind: 'list_stale', subject: 'ACI-EL-ORG-TEST' };
const RECIPIENTS = [
  { address: 'astreinte@exemple.fr', language: 'fr' },
  { address: 'oncall@example.fr', language: 'en' },
] as const;

let stage: NoticeStage;
let now: Date;
beforeAll(async () => {
  stage = await prepareNotices();
});
afterAll(() => stage?.close());
beforeEach(async () => {
  await stage.empty();
  await stage.fresh.db.read.execute(sql`update lease set expires_at = now()`);
  now = NOON;
});

/** A worker's own loop, one step at a time; `wait` moves every clock. */
function worker({
  holder = 'a',
  perHour = 3,
  recipients = RECIPIENTS.slice(0, 1) as (typeof RECIPIENTS)[number][],
} = {}) {
  let monotonic = 0;
  const policy = { ...stage.system.policies.notices, alarms: { recipients, perHour } };
  const mailer = alarmMailerOf(stage.mailer, policy);
  if (mailer === undefined) throw new Error('the policy names somebody');
  const patience = createPatience(() => monotonic);
  // times that follow each other, as a clock's do
  const clock = () => {
    now = new Date(now.getTime() + 1);
    return now;
  };
  return {
    mail: () => mailAlarms({ ...stage.system, clock }, { mailer, holder, patience }),
    wait(ms: number) {
      monotonic += ms;
      now = new Date(now.getTime() + ms);
    },
  };
}
const raise = (place = STALE) => recordAlarm(stage.fresh.db.read, { ...place, detail: 'too old', at: now });
const raiseMany = async (from: number, count: number): Promise<void> => {
  for (let at = from; at < from + count; at += 1) await raise({ kind: 'contact_missing', subject: `structure ${at}` });
};
const mails = () => stage.sink.received.map(({ to, mail }) => ({ ...mail, to: to[0] }));
const open = async () => (await listAlarms(stage.fresh.db.read)).map(({ kind }) => kind).sort();

test('what was raised is mailed once, in the language of each recipient, and its end after it', async () => {
  const { mail } = worker({ perHour: 6, recipients: [...RECIPIENTS] });
  await raise();
  expect(await mail()).toBe(1);
  expect(await mail()).toBe(0);
  await endAlarm(stage.fresh.db.read, STALE, now);
  expect(await mail()).toBe(1);
  const [french, ...others] = mails().filter(({ to }) => to === RECIPIENTS[0].address);
  expect(french?.subject).toBe('IGC-Santé : alarme : une liste de révocation vieillit (ACI-EL-ORG-TEST)');
  expect(french?.text).toContain('objet : ACI-EL-ORG-TEST');
  expect(french?.text).toContain('(list_stale)');
  expect(french?.text).toContain('13:00:00');
  expect(french?.html).toBeUndefined();
  expect(others.map(({ subject }) => subject)).toEqual([
    'IGC-Santé : fin d’alarme : une liste de révocation vieillit (ACI-EL-ORG-TEST)',
  ]);
  const english = mails().filter(({ to }) => to === RECIPIENTS[1].address);
  expect(english.map(({ subject }) => subject)).toEqual([
    'IGC-Santé: alarm: a revocation list is growing old (ACI-EL-ORG-TEST)',
    'IGC-Santé: end of an alarm: a revocation list is growing old (ACI-EL-ORG-TEST)',
  ]);
  const [{ id } = { id: 0n }] = await listAlarms(stage.fresh.db.read, { ended: true });
  expect(new Set(mails().map(({ messageId }) => messageId))).toEqual(
    new Set([`<alarm.${id}.raised@igc-sante.example.fr>`, `<alarm.${id}.cleared@igc-sante.example.fr>`]),
  );
});

test('what comes thick and fast comes together, and an hour never has more mails than the policy says', async () => {
  const { mail, wait } = worker();
  await raiseMany(0, 10);
  expect(await mail()).toBe(10);
  expect(mails().map(({ subject }) => subject)).toEqual(['IGC-Santé : 10 événements d’alarme']);
  for (let at = 0; at < 10; at += 1) expect(mails()[0]?.text).toContain(`structure ${at}\n`);
  for (let minute = 0; minute < 59; minute += 1) {
    wait(MINUTE);
    await raiseMany(100 + minute, 1);
    await mail();
  }
  expect(mails()).toHaveLength(3);
  wait(2 * MINUTE);
  await mail();
  expect(mails()).toHaveLength(4);
  // the first hour is over for one mail, which has all that waited
  expect(mails().at(-1)?.subject).toBe('IGC-Santé : 57 événements d’alarme');
  expect(new Set(mails().map(({ messageId }) => messageId)).size).toBe(4);
});

test('a mail server that is away is an alarm that waits with the others, and all are mailed when it is back', async () => {
  const { mail, wait } = worker();
  stage.sink.answer = () => ({ code: 421, at: 'RCPT' });
  await raise();
  expect(await mail()).toBe(0);
  expect(await open()).toEqual(['list_stale', 'mail_away']);
  expect(await mail()).toBeUndefined();
  stage.sink.answer = () => undefined;
  wait(3_000);
  await mail();
  expect(await open()).toEqual(['list_stale']);
  await mail();
  const subjects = mails()
    .map(({ subject }) => subject)
    .join('\n');
  expect(subjects).toContain('une liste de révocation vieillit');
  expect(subjects).toContain('le serveur de messagerie ne prend rien');
});

test('a mail that is to be tried again is, under the same Message-ID, also for who has it', async () => {
  const { mail, wait } = worker({ recipients: [...RECIPIENTS] });
  stage.sink.answer = (recipient) => (recipient === RECIPIENTS[1].address ? { code: 451, at: 'RCPT' } : undefined);
  await raise();
  expect(await mail()).toBe(0);
  stage.sink.answer = () => undefined;
  wait(3_000);
  expect(await mail()).toBe(1);
  expect(
    mails()
      .map(({ to }) => to)
      .sort(),
  ).toEqual([RECIPIENTS[0].address, RECIPIENTS[0].address, RECIPIENTS[1].address]);
  expect(new Set(mails().map(({ messageId }) => messageId)).size).toBe(1);
});

test('an address that is refused for good does not keep the others from being told', async () => {
  const { mail } = worker({ recipients: [...RECIPIENTS] });
  stage.sink.answer = (recipient) => (recipient === RECIPIENTS[0].address ? { code: 550, at: 'RCPT' } : undefined);
  await raise();
  expect(await mail()).toBe(1);
  expect(mails().map(({ to }) => to)).toEqual([RECIPIENTS[1].address]);
});

test('of two workers one mails, and the other knows how many mails the hour has had', async () => {
  const [first, second] = [worker({ perHour: 2 }), worker({ perHour: 2, holder: 'b' })];
  await raise();
  expect(await first.mail()).toBe(1);
  await raiseMany(0, 1);
  expect(await second.mail()).toBeUndefined();
  await stage.fresh.db.read.execute(sql`update lease set expires_at = now()`);
  expect(await second.mail()).toBe(1);
  await raiseMany(1, 1);
  expect(await second.mail()).toBe(0);
  expect(mails()).toHaveLength(2);
});

test('what an alarm says can neither add a header nor move the cursor of who reads it', async () => {
  const { mail } = worker();
  await raise({ kind: 'job_failed', subject: 'publish_crl\r\nBcc: all@example.fr\u001b[2J' });
  expect(await mail()).toBe(1);
  expect(mails().map(({ to, bcc }) => [to, bcc])).toEqual([[RECIPIENTS[0].address, undefined]]);
  expect(mails()[0]?.headers.map(({ key }) => key)).not.toContain('bcc');
  expect(mails()[0]?.text).not.toContain('\u001b');
});

test('where the policy names nobody, no alarm is mailed', () => {
  const { alarms: _, ...policy } = stage.system.policies.notices;
  expect(alarmMailerOf(stage.mailer, policy)).toBeUndefined();
});
