// How long rows are kept that serve nobody any more, as data. What is not named here is kept for ever: certificates, revocations,
// lists, the audit and its chain are evidence, and the status feed has to be read from its beginning by every new copy.

import type { Prunable } from '#db/upkeep.ts';

export type Retention = {
  readonly rows: Prunable;
  /** after the end that db/upkeep.ts names for these rows */
  readonly days: number;
  readonly because: string;
};

export const RETENTION: readonly Retention[] = [
  {
    rows: 'answered_idempotency',
    days: 90,
    because:
      'an Idempotency-Key is remembered as long as its certificate is valid; a key pair is certified once all the same',
  },
  {
    rows: 'refused_idempotency',
    days: 90,
    because: 'a refusal is repeated for a quarter; after that it is found again',
  },
  {
    rows: 'forsaken_idempotency',
    days: 90,
    because: 'recovery has settled what the request left behind within seconds',
  },
  { rows: 'silent_feed_readers', days: 30, because: 'a copy has a new name each time that it starts' },
  {
    rows: 'settled_webhook_deliveries',
    days: 90,
    because: 'a receiver that lost a quarter asks the API; until then an event can be told again',
  },
  { rows: 'read_delivery_reports', days: 30, because: 'long enough to look at one that nobody understood' },
  { rows: 'ended_alarms', days: 366, because: 'a year shows what comes back with the seasons' },
];
