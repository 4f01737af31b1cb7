// Finds what is due, page by page, and writes nothing down.

import { type EndCursor, type EndingHolder, findNoticeProgress, listEnding } from '#db/notices.ts';
import { type Due, type DueRange, dueRanges, latestDue } from '../policy/due.ts';
import type { Needs } from '../system.ts';

/** Few enough for one transaction of those who write them down, and for the memory of a worker. */
const PAGE = 1_000;
/** Thresholds that are looked at together: finding waits for the database most of the time. */
const LANES = 2;

export type DueCertificate = { readonly certificate: EndingHolder } & Due;
export type Taker = {
  /** some certificates that are due at one threshold; the next page of it waits until this one is taken */
  take(page: readonly DueCertificate[]): Promise<void>;
  /** everything of a range has been taken */
  end(range: DueRange): Promise<void>;
};

type FindNeeds = Needs<'db' | 'policies'>;

/**
 * Hands over every certificate whose latest threshold has passed at `now` and that has not had its notice, from where the last
 * complete run stopped. A page is read while the one before it is taken. Throws what `take` throws, once nothing is under way any more;
 * Outage when the database is away.
 */
export async function findDue(system: FindNeeds, now: Date, taker: Taker): Promise<void> {
  const ranges = dueRanges(now, system.policies.notices).values();
  const lanes = Array.from({ length: LANES }, async () => {
    for (const range of ranges) {
      for await (const page of pagesOf(system, range, now)) await taker.take(page);
      await taker.end(range);
    }
  });
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function* pagesOf(
  { db, policies }: FindNeeds,
  { threshold, after, upTo }: DueRange,
  now: Date,
): AsyncGenerator<readonly DueCertificate[]> {
  const read = (from: EndCursor): Promise<EndingHolder[]> => {
    const page = listEnding(db, { threshold, after: from, upTo, limit: PAGE });
    // whoever asked for it may stop before it is there
    page.catch(() => undefined);
    return page;
  };
  const before = await findNoticeProgress(db.read, threshold);
  let next: Promise<EndingHolder[]> | undefined = read({
    notAfter: before !== undefined && before > after ? before : after,
  });
  while (next !== undefined) {
    const page: EndingHolder[] = await next;
    const last = page.at(-1);
    next = last === undefined || page.length < PAGE ? undefined : read({ notAfter: last.notAfter, id: last.id });
    const due = page.flatMap((certificate) => {
      const latest = latestDue(certificate, now, policies.notices);
      return latest?.threshold === threshold ? [{ certificate, ...latest }] : [];
    });
    if (due.length > 0) yield due;
  }
}
