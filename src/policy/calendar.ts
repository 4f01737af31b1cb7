// Periods of validity in UTC, where there is no summer time.

const DAY = 86_400_000;

export const addDays = (moment: Date, days: number): Date => new Date(moment.getTime() + days * DAY);

/**
 * The same date and time of day so many calendar years later.
 * 29 February becomes 28 February in a common year: a period of years ends on the day of the same number, and without one on
 * the last day of the month (Code de procédure civile, article 641).
 */
export function addYears(moment: Date, years: number): Date {
  const later = new Date(moment);
  later.setUTCFullYear(moment.getUTCFullYear() + years);
  if (later.getUTCMonth() !== moment.getUTCMonth()) later.setUTCDate(0);
  return later;
}

/** The end of a validity of calendar years or of days of 86,400 seconds. */
export const endOfValidity = (notBefore: Date, { years, days = 0 }: { years?: number; days?: number }): Date =>
  years === undefined ? addDays(notBefore, days) : addYears(notBefore, years);
