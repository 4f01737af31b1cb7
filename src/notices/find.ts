// Finds what is due, page by page, and writes nothing down.

import { type EndCursor, type EndingHolder, findNoticeProgress, listEnding } from '#db/notices.ts';
import { type Due, type DueRange, latestDue } from '../policy/due.ts';
import type { Needs } from '../system.ts';

/** Few enough for one transaction of those who write them down, and for the memory of a worker. */
const PAGE = 1_000;

export type DueCertificate = { readonly certificate: EndingHolder } & Due;

/**
 * The certificates whose latest threshold at `now` is the range's and that have not had its notice, from where the last complete run
 * stopped. A page is read while the one before it is worked on. Outage when the database is away.
 */
export async function* findDue(
  { db, policies }: Needs<'db' | 'policies'>,
  { range, now }: { readonly range: DueRange; readonly now: Date },
): AsyncGenerator<readonly DueCertificate[]> {
  const { threshold, after, upTo } = range;
  const read = (from: EndCursor): Promise<EndingHolder[]> => {
    const page = listEnding(db.read, { threshold, after: from, upTo, limit: PAGE });
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
    yield page.flatMap((certificate) => {
      const latest = latestDue(certificate, now, policies.notices);
      return latest?.threshold === threshold ? [{ certificate, ...latest }] : [];
    });
  }
}
