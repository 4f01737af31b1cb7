// When a threshold before an end is reached: one calendar for the mails that warn and for the window in which to renew. Every date of a
// zone is counted by Temporal, which knows its summer times.

import { Temporal } from 'temporal-polyfill';
import type { Threshold } from './notices.ts';

/**
 * The moment of a threshold: so many months or days before the end on the calendar of the zone, at the same local time of day. A day
 * that the month has not is its last one; a time that the day has not, because clocks go forward, is as much later.
 */
export function thresholdInstant(notAfter: Date, threshold: Threshold, zone: string): Date {
  return new Date(zoned(notAfter, zone).subtract(threshold).epochMilliseconds);
}

/** A moment as the clocks of a zone show it. */
export const zoned = (moment: Date, zone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(moment.getTime()).toZonedDateTimeISO(zone);
