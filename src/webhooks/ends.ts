// Finds what is about to end and what has ended, by the dates of the certificates and the thresholds of policies/notices.yaml. Nothing
// here depends on mail: a service that sends none tells its webhooks all the same.

import type { EndCursor } from '#db/notices.ts';
import {
  type Ending,
  type FoundEvent,
  isAskedFor,
  listEnds,
  recordEvents,
  recordWebhookEnds,
  webhookEndsSeen,
} from '#db/webhook-events.ts';
import type { WebhookEvent } from '#db/webhooks.ts';
import { dueRanges, latestDue } from '../policy/due.ts';
import type { NoticePolicy } from '../policy/notices.ts';
import type { Needs } from '../system.ts';
import { GIVE_UP_MS } from './back-off.ts';

type EndNeeds = Needs<'db' | 'clock' | 'policies'>;

const PAGE = 500;

/**
 * Writes down what has come near its end and what has ended since the last run; answers how many deliveries are new. What came so far
 * before the first run, or while no webhook asks for it, is told to nobody; of thresholds that were missed, the latest is told. Two
 * runs at once write each event once. Outage when the database or the clock is away.
 */
export async function recordEndsForWebhooks(system: EndNeeds): Promise<number> {
  const { db } = system;
  const now = system.clock();
  const seen = await webhookEndsSeen(db.read);
  let recorded = 0;
  for (const range of rangesOf(now, system.policies.notices)) {
    const before = seen.get(range.what);
    if (before !== undefined && (await isAskedFor(db.read, [range.event])))
      recorded += await recordRange(system, { range, now, before });
    // If we stop before this line, the next run finds the same certificates, and that they were told of.
    await recordWebhookEnds(db.read, range.what, range.complete);
  }
  return recorded;
}

type EndRange = {
  /** under which name its progress is kept */
  readonly what: string;
  readonly event: WebhookEvent;
  /** exclusive; what was seen before counts besides */
  readonly after?: Date;
  /** inclusive */
  readonly upTo: Date;
  /** everything that ends until here is found */
  readonly complete: Date;
  /** what there is to tell of one, or undefined */
  told(certificate: Ending): Pick<FoundEvent, 'threshold' | 'occurredAt'> | undefined;
};

function rangesOf(now: Date, policy: NoticePolicy): readonly EndRange[] {
  const justNow = new Date(now.getTime() - 1);
  return [
    ...dueRanges(now, policy).map(
      ({ threshold, ...range }): EndRange => ({
        ...{ what: threshold, event: 'certificate.expiring', ...range },
        told(certificate) {
          const due = latestDue(certificate, now, policy);
          return due?.threshold === threshold ? { threshold, occurredAt: due.dueAt } : undefined;
        },
      }),
    ),
    {
      ...{ what: 'expired', event: 'certificate.expired', upTo: justNow, complete: justNow },
      told: ({ notAfter }) => ({ occurredAt: notAfter }),
    },
  ];
}

type Run = { readonly range: EndRange; readonly now: Date; readonly before: Date };

async function recordRange({ db }: EndNeeds, { range, now, before }: Run): Promise<number> {
  const { after, upTo, event } = range;
  let cursor: EndCursor = { notAfter: after !== undefined && after > before ? after : before };
  let recorded = 0;
  for (;;) {
    const page = await listEnds(db.read, {
      after: cursor,
      upTo,
      limit: PAGE,
      unreplaced: event !== 'certificate.expired',
    });
    const found = page.flatMap((certificate): FoundEvent[] => {
      const told = range.told(certificate);
      const { id: certificateId, structure } = certificate;
      return told === undefined ? [] : [{ certificateId, structure, event, ...told }];
    });
    recorded += await recordEvents(db.read, found, { at: now, giveUpAt: new Date(now.getTime() + GIVE_UP_MS) });
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return recorded;
    cursor = { notAfter: last.notAfter, id: last.id };
  }
}
