// How long the daily run takes to find what is due, and to write it down, where the runs of the days before were complete.

import { sql } from 'drizzle-orm';
import type { Database } from '#db/connect.ts';
import { recordNoticeProgress } from '#db/notices.ts';
import { findDue } from '../src/notices/find.ts';
import { noticeMessageId } from '../src/notices/message.ts';
import { recordDueNotices } from '../src/notices/record.ts';
import { dueRanges } from '../src/policy/due.ts';
import type { Policies } from '../src/policy/load.ts';
import type { Needs } from '../src/system.ts';
import { timed } from './bulk-load.ts';
import { median, remark } from './figures.ts';

type Stage = Needs<'db' | 'policies' | 'log'>;

const DAY_MS = 86_400_000;
const RUNS = 5;

/** Seconds of each; `rate` is of notices, each of which is found and written down with its mails. */
export type DueFigures = {
  readonly due: number;
  readonly found: number;
  readonly rate: number;
  readonly idle: number;
};

/**
 * Forgets every notice, writes those that must have been there `days` days before `now`, has the use case run on each day until
 * yesterday, and measures the run of now.
 */
export async function measureDue(stage: Stage, now: Date, days: number): Promise<DueFigures> {
  await timed('notices of the past', () => writePast(stage.db, stage.policies, daysBefore(now, days)));
  for (let day = days; day > 0; day -= 1)
    await timed(`the run of ${day} days ago`, () => recordAt(stage, daysBefore(now, day)));
  for (const table of ['notice', 'notice_mail'])
    await timed(`vacuum ${table}`, () => stage.db.read.execute(sql.raw(`vacuum analyze ${table}`)));
  const finding: number[] = [];
  let found = 0;
  for (let run = 0; run < RUNS; run += 1)
    finding.push(
      await secondsOf(async () => {
        found = await countDue(stage, now);
      }),
    );
  remark(`${found} due, found in ${finding.map((seconds) => seconds.toFixed(2)).join(', ')} s`);
  let recorded = 0;
  const recording = await secondsOf(async () => {
    recorded = await recordAt(stage, now);
  });
  if (recorded !== found) throw new Error(`${found} were found to be due, and ${recorded} were written down`);
  const idle = await secondsOf(() => recordAt(stage, now));
  return { due: median(finding), found, rate: recorded / recording, idle };
}

const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);

async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await act();
  return (performance.now() - since) / 1_000;
}

const recordAt = (stage: Stage, now: Date): Promise<number> => recordDueNotices({ ...stage, clock: () => now });

/** What the run does until it would write. */
async function countDue(stage: Stage, now: Date): Promise<number> {
  let found = 0;
  await findDue(stage, now, {
    take: async (page) => {
      found += page.length;
    },
    end: async () => undefined,
  });
  return found;
}

/** Of each threshold everything that ends until where it is complete, whether or not it has been revoked since. */
async function writePast({ read }: Database, { notices }: Policies, now: Date): Promise<void> {
  await read.execute(sql`truncate notice, notice_mail, notice_progress, alarm, alarm_delivery`);
  for (const { threshold, complete } of dueRanges(now, notices)) {
    const [before, after] = noticeMessageId('/', threshold, notices).split('/');
    await read.execute(sql`
      insert into notice (certificate_id, threshold, due_at, message_id)
      select id, ${threshold}, not_after - replace(replace(${threshold}, 'm', ' months'), 'd', ' days')::interval,
        ${before}::text || id || ${after}::text
      from certificate
      where not_after > ${now.toISOString()}::timestamptz and not_after <= ${complete.toISOString()}::timestamptz
        and state = 'issued' and revoked_at is null and actor_kind <> 'system'`);
    await recordNoticeProgress(read, threshold, complete);
  }
}
