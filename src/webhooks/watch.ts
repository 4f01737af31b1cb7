// Says what needs a person: events that a webhook never took, and webhooks whose receiver wants nothing any more. The rows are asked,
// not the sender that wrote them: it may have been killed since.

import { openSubjects } from '#db/alarms.ts';
import { webhooksGivenUpOn } from '#db/webhook-deliveries.ts';
import { listWebhooks } from '#db/webhooks.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import type { Needs } from '../system.ts';

type WatchNeeds = Needs<'db' | 'log' | 'clock'>;

/** Raises what is new, and clears what was redelivered, enabled or removed since. Outage when the database or the clock is away. */
export async function watchWebhooks(system: WatchNeeds): Promise<void> {
  const gone = (await listWebhooks(system.db.read)).filter(({ disabledWhy }) => disabledWhy === 'gone');
  await tell(system, {
    kind: 'webhook_given_up',
    subjects: await webhooksGivenUpOn(system.db.read),
    detail:
      'events were tried for three days and are not tried any more; see `igc webhook deliveries --state given_up`',
  });
  await tell(system, {
    kind: 'webhook_gone',
    subjects: new Set(gone.map(({ id }) => id)),
    detail: 'the receiver answered 410 Gone, and the webhook was disabled',
  });
}

type Watched = {
  readonly kind: 'webhook_given_up' | 'webhook_gone';
  /** ids of webhooks */
  readonly subjects: ReadonlySet<string>;
  readonly detail: string;
};

async function tell(system: WatchNeeds, { kind, subjects, detail }: Watched): Promise<void> {
  const open = await openSubjects(system.db.read, kind);
  for (const subject of subjects) if (!open.has(subject)) await raiseAlarm(system, { kind, subject, detail });
  for (const subject of open) if (!subjects.has(subject)) await clearAlarm(system, { kind, subject });
}
