// Whether the notices that should be there are there. It asks the certificates, not the run: one that looks in the wrong place, or
// does not run, finds nothing and says nothing.

import { countMissingNotices, forgetNoticeProgress } from '#db/notices.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import { type Threshold, thresholdName } from '../policy/notices.ts';
import type { Needs } from '../system.ts';

/** Longer than a worker is down for an upgrade. */
const GRACE_MS = 2 * 3_600_000;

/**
 * Raises `notices_missing` for each threshold at which a certificate should have had its notice two hours ago and has none, and ends
 * it for the others. The next run then looks at everything, not from where it stopped. Answers how many are missing. Outage when the database or the clock is away.
 */
export async function checkNotices(system: Needs<'db' | 'clock' | 'policies' | 'log'>): Promise<number> {
  const now = system.clock();
  const { thresholds, zone } = system.policies.notices;
  let all = 0;
  for (const [index, threshold] of thresholds.entries()) {
    const next = thresholds[index + 1];
    const missing = await countMissingNotices(system.db.read, {
      ...{ threshold: thresholdName(threshold), interval: intervalOf(threshold), zone, now },
      nextInterval: next && intervalOf(next),
      dueBefore: new Date(now.getTime() - GRACE_MS),
    });
    await tell(system, thresholdName(threshold), missing);
    if (missing > 0) await forgetNoticeProgress(system.db.read, thresholdName(threshold));
    all += missing;
  }
  return all;
}

async function tell(system: Needs<'db' | 'clock' | 'log'>, threshold: string, missing: number): Promise<void> {
  const place = { kind: 'notices_missing', subject: `threshold ${threshold}` } as const;
  if (missing === 0) return await clearAlarm(system, place);
  await raiseAlarm(system, {
    ...place,
    detail: `${missing} certificates have had no notice that was due two hours ago`,
  });
}

const intervalOf = (threshold: Threshold): string =>
  'months' in threshold ? `${threshold.months} months` : `${threshold.days} days`;
