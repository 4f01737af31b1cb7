// Finds what is due and writes it down: a notice for each certificate and threshold, and a mail for each of its recipients. Nothing is
// sent here.

import { openSubjects } from '#db/alarms.ts';
import type { Tx } from '#db/connect.ts';
import { collectDigests } from '#db/notice-mails.ts';
import { recordNoticeProgress, recordNotices } from '#db/notices.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import { nextTimeOfDay } from '../policy/due.ts';
import type { Needs } from '../system.ts';
import { addressNotices } from './address.ts';
import { type DueCertificate, findDue } from './find.ts';
import { digestMessageId, noticeMessageId } from './message.ts';

type RecordNeeds = Needs<'db' | 'clock' | 'policies' | 'log'>;

const DAY_MS = 86_400_000;

/**
 * Records everything that is due now, in pages of which each is one transaction, and answers how many notices were new. If we stop
 * after a page, the next run goes on behind it; two at once record each notice once. Raises `contact_missing` for whoever can be told
 * by nobody of their own. Outage when the database or the clock is away.
 */
export async function recordDueNotices(system: RecordNeeds): Promise<number> {
  const now = system.clock();
  const found: Found = { count: 0, reached: new Set(), unreached: new Set() };
  await findDue(system, now, {
    take: (page) => recordPage(system, page, { now, found }),
    // If we stop before this, the next run looks at the same certificates and finds that they have their notices.
    end: ({ threshold, complete }) => recordNoticeProgress(system.db.read, threshold, complete),
  });
  await tellWhoIsMissing(system, found);
  return found.count;
}

/** What a run has seen so far. */
type Found = { count: number; readonly reached: Set<string>; readonly unreached: Set<string> };

async function recordPage(
  system: RecordNeeds,
  page: readonly DueCertificate[],
  { now, found }: { now: Date; found: Found },
) {
  const policy = system.policies.notices;
  const addressed = await system.db.transaction(async (tx) => {
    const fresh = await recordNotices(
      tx,
      page.map(({ certificate: { id }, threshold, dueAt }) => ({
        ...{ certificateId: id, threshold, dueAt },
        messageId: noticeMessageId(id, threshold, policy),
      })),
    );
    const notices = page.filter(({ certificate }) => fresh.has(certificate.id));
    const done = await addressNotices(tx, policy, { notices, at: now });
    await collect(tx, system, { contactIds: done.contactIds, now });
    return { ...done, count: notices.length };
  });
  found.count += addressed.count;
  for (const who of addressed.reached) found.reached.add(who);
  for (const who of addressed.unreached) found.unreached.add(who);
}

/** Whoever would get more than the policy's number of mails within a day gets one, at the policy's time of day. */
async function collect(
  tx: Tx,
  { policies }: RecordNeeds,
  { contactIds, now }: { contactIds: readonly string[]; now: Date },
) {
  const { digest, zone } = policies.notices;
  const { at: nextAt, day } = nextTimeOfDay(now, digest.at, zone);
  const [before = '', after = ''] = digestMessageId('/', day, policies.notices).split('/');
  await collectDigests(tx, contactIds, {
    ...{ moreThan: digest.moreThan, at: now, nextAt, day, messageId: [before, after] },
    since: new Date(now.getTime() - DAY_MS),
  });
}

/** After their notices are recorded, which went to the last resorts: if we stop before this, those know all the same. */
async function tellWhoIsMissing(system: RecordNeeds, { reached, unreached }: Found): Promise<void> {
  for (const subject of unreached)
    await raiseAlarm(system, {
      ...{ kind: 'contact_missing', subject },
      detail: 'no address of its own works; the notice went to the fallback and to the operators',
    });
  for (const subject of await openSubjects(system.db.read, 'contact_missing'))
    if (reached.has(subject) && !unreached.has(subject)) await clearAlarm(system, { kind: 'contact_missing', subject });
}
