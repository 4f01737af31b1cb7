import { describe, expect, it } from 'vitest';
import { addDays, addYears, endOfValidity } from '../../src/policy/calendar.ts';

const years = (from: string, count: number): string => addYears(new Date(from), count).toISOString();

describe('a validity of calendar years', () => {
  it.each([
    ['an ordinary day', '2026-11-23T09:30:15.000Z', 3, '2029-11-23T09:30:15.000Z'],
    ['a period with one leap day', '2026-02-28T00:00:00.000Z', 3, '2029-02-28T00:00:00.000Z'],
    ['the day before a leap day', '2024-02-28T23:59:59.000Z', 4, '2028-02-28T23:59:59.000Z'],
    ['a leap day to a leap day', '2024-02-29T12:00:00.000Z', 4, '2028-02-29T12:00:00.000Z'],
    ['the day after a leap day', '2024-03-01T00:00:00.000Z', 3, '2027-03-01T00:00:00.000Z'],
    ['a century without a leap day', '2096-02-29T12:00:00.000Z', 4, '2100-02-28T12:00:00.000Z'],
    ['the end of a year', '2026-12-31T23:59:59.000Z', 3, '2029-12-31T23:59:59.000Z'],
    ['beyond 2049', '2047-11-23T09:30:15.000Z', 20, '2067-11-23T09:30:15.000Z'],
  ])('ends on the same date and second: %s', (_, from, count, until) => {
    expect(years(from, count)).toBe(until);
  });

  it('begun on 29 February ends on 28 February, to the second', () => {
    expect(years('2028-02-29T23:59:59.000Z', 3)).toBe('2031-02-28T23:59:59.000Z');
    expect(years('2028-02-29T00:00:00.000Z', 1)).toBe('2029-02-28T00:00:00.000Z');
  });

  it('knows no summer time: every begin of a year gives the same time of day, in any zone of the machine', () => {
    const zone = process.env.TZ;
    process.env.TZ = 'Europe/Paris';
    try {
      for (let hour = 0; hour < 24 * 366; hour += 7) {
        const from = new Date(Date.UTC(2027, 0, 1, hour, 59, 59));
        const until = addYears(from, 3);
        expect(until.toISOString().slice(4)).toBe(from.toISOString().slice(4));
      }
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});

describe('a validity of days', () => {
  it('has days of 86,400 seconds', () => {
    expect(addDays(new Date('2026-03-28T12:00:00.000Z'), 30).toISOString()).toBe('2026-04-27T12:00:00.000Z');
    expect(addDays(new Date('2046-11-01T00:00:00.000Z'), -1).toISOString()).toBe('2046-10-31T00:00:00.000Z');
  });

  it('is one or the other', () => {
    const from = new Date('2026-11-23T09:30:15.000Z');
    expect(endOfValidity(from, { days: 30 }).toISOString()).toBe('2026-12-23T09:30:15.000Z');
    expect(endOfValidity(from, { years: 3 }).toISOString()).toBe('2029-11-23T09:30:15.000Z');
  });
});
