// Finds what was issued and revoked, from the status feed, and writes it down for every webhook that is to be told. It runs beside
// issuance and never in it.

import { type FeedCursor, readFeed } from '#db/feed.ts';
import { acquireLease } from '#db/leases.ts';
import {
  eventsOfFeed,
  isAskedFor,
  presentFeedCursor,
  recordEvents,
  recordWebhookFeedCursor,
  webhookFeedCursor,
} from '#db/webhook-events.ts';
import type { Needs } from '../system.ts';
import { GIVE_UP_MS } from './back-off.ts';

const LEASE = 'webhook_events';
const LEASE_MS = 30_000;
const BATCH = 500;
const EVENTS = ['certificate.issued', 'certificate.revoked', 'certificate.revocation_reason_raised'] as const;

/**
 * Writes down what the feed tells, while no other worker does; answers how many deliveries are new. While no webhook asks for such
 * events nothing is read: a webhook is told of what happens once it is there, and a service of years does not begin with its past.
 * Outage when the database or the clock is away.
 */
export async function followFeedForWebhooks({ db, clock }: Needs<'db' | 'clock'>, holder: string): Promise<number> {
  const isOurs = async (): Promise<boolean> => (await acquireLease(db.read, LEASE, holder, LEASE_MS)) !== undefined;
  if (!(await isOurs())) return 0;
  // The present first, then whether anybody asks: whoever comes in between finds everything from then on behind this place.
  const present = await presentFeedCursor(db.read);
  let cursor: FeedCursor | undefined = await webhookFeedCursor(db.read);
  if (cursor === undefined || !(await isAskedFor(db.read, EVENTS))) {
    await recordWebhookFeedCursor(db.read, present);
    return 0;
  }
  let recorded = 0;
  while (await isOurs()) {
    const page = await readFeed(db.read, cursor, BATCH);
    const at = clock();
    const events = await eventsOfFeed(db.read, page.rows);
    recorded += await recordEvents(db.read, events, { at, giveUpAt: new Date(at.getTime() + GIVE_UP_MS) });
    // If we stop before this line, the same rows are found again and are there already.
    await recordWebhookFeedCursor(db.read, page.cursor);
    if (page.complete) break;
    cursor = page.cursor;
  }
  return recorded;
}
