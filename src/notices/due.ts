// When a holder is to be warned of an end. Pure: every date of a zone is counted by Temporal, which knows its summer times.

import { Temporal } from 'temporal-polyfill';
import { type NoticePolicy, type Threshold, thresholdName } from '../policy/notices.ts';
import { thresholdInstant, zoned } from '../policy/thresholds.ts';

type Rule = Pick<NoticePolicy, 'thresholds' | 'zone'>;
type Validity = { readonly notBefore: Date; readonly notAfter: Date };

/** What a certificate's holder is to be told at a moment: the threshold by name, and since when it is due. */
export type Due = { readonly threshold: string; readonly dueAt: Date };

/**
 * The latest threshold that has passed at `now`, so that missed ones collapse into one. Undefined before the first, after the end, and
 * for one that had passed when the certificate began: whoever has just got it knows.
 */
export function latestDue({ notBefore, notAfter }: Validity, now: Date, { thresholds, zone }: Rule): Due | undefined {
  if (notAfter <= now) return undefined;
  const passed = thresholds
    .map((threshold) => ({
      threshold: thresholdName(threshold),
      dueAt: thresholdInstant(notAfter, threshold, zone),
    }))
    .filter(({ dueAt }) => dueAt <= now);
  const latest = passed.at(-1);
  return latest === undefined || latest.dueAt <= notBefore ? undefined : latest;
}

/** Ends of validity among which those are for which a threshold is the latest that has passed. */
export type DueRange = {
  readonly threshold: string;
  /** exclusive: whatever ends until here is beyond this threshold */
  readonly after: Date;
  /** inclusive: for whatever ends later the threshold has not passed */
  readonly upTo: Date;
  /** for whatever ends until here the threshold has certainly passed */
  readonly complete: Date;
};

/**
 * Where to look for what is due, one range for each threshold, the longest first. Between `complete` and `upTo` (hours, at the end of
 * a month days) `latestDue` decides: 28 and 31 March are both a month after the last of February, so ends are not in the order of
 * their thresholds there.
 */
export function dueRanges(now: Date, { thresholds, zone }: Rule): readonly DueRange[] {
  const edges = thresholds.map((threshold) => edgesOf(now, threshold, zone));
  return thresholds.flatMap((threshold, index) => {
    const edge = edges[index];
    if (edge === undefined) return [];
    return [{ threshold: thresholdName(threshold), after: edges[index + 1]?.complete ?? now, ...edge }];
  });
}

/** More than clocks ever go forward or back at once. */
const SHIFT = { hours: 2 } as const;
/** The days of a month differ by three at most. */
const DAYS_AROUND = [-4, -3, -2, -1, 0, 1, 2, 3, 4] as const;

/** Looks at the days around the one that is the threshold later: which of them the threshold leads to today, and which before it. */
function edgesOf(now: Date, threshold: Threshold, zone: string): Pick<DueRange, 'upTo' | 'complete'> {
  const here = zoned(now, zone);
  const today = here.toPlainDate();
  const days = DAYS_AROUND.map((offset) => {
    const day = today.add(threshold).add({ days: offset });
    return { day, order: Temporal.PlainDate.compare(day.subtract(threshold), today) };
  });
  const firstOpen = days.find(({ order }) => order >= 0);
  const lastDue = days.findLast(({ order }) => order <= 0);
  if (firstOpen === undefined || lastDue === undefined) throw new RangeError('a month of more than 31 days');
  const at = (day: Temporal.PlainDate): Temporal.ZonedDateTime =>
    day.toZonedDateTime({ timeZone: zone, plainTime: here.toPlainTime() });
  return {
    complete: new Date(
      firstOpen.order === 0
        ? at(firstOpen.day).subtract(SHIFT).epochMilliseconds
        : firstOpen.day.toZonedDateTime(zone).epochMilliseconds - 1,
    ),
    upTo: new Date(
      lastDue.order === 0
        ? at(lastDue.day).add(SHIFT).epochMilliseconds
        : lastDue.day.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds,
    ),
  };
}

/** The next moment after `now` at which the clocks of the zone show this time of day, as `07:30`, and the date that it is then. */
export function nextTimeOfDay(now: Date, timeOfDay: string, zone: string): { readonly at: Date; readonly day: string } {
  const today = zoned(now, zone).toPlainDate();
  const next = [0, 1]
    .map((days) => today.add({ days }).toZonedDateTime({ timeZone: zone, plainTime: timeOfDay }))
    .find((moment) => moment.epochMilliseconds > now.getTime());
  // the time of tomorrow is always later than now
  if (next === undefined) throw new RangeError('tomorrow is not later than today');
  return { at: new Date(next.epochMilliseconds), day: next.toPlainDate().toString() };
}
