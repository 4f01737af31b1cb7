import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueRanges, latestDue, nextTimeOfDay } from '../../src/notices/due.ts';
import { thresholdName } from '../../src/policy/notices.ts';
import { thresholdInstant } from '../../src/policy/thresholds.ts';
import { policies } from '../policy/policies.ts';

const { notices } = policies;
const ZONE = 'Europe/Paris';
const instant = (notAfter: string, threshold: { months: number } | { days: number }): string =>
  thresholdInstant(new Date(notAfter), threshold, ZONE).toISOString().replace('.000Z', 'Z');

describe('a threshold, by hand', () => {
  it.each([
    ['winter to winter', '2027-01-20T10:00:00Z', { months: 2 }, '2026-11-20T10:00:00Z'],
    ['11:00 of winter is 11:00 of summer', '2026-12-15T10:00:00Z', { months: 2 }, '2026-10-15T09:00:00Z'],
    ['11:00 of summer is 11:00 of winter', '2027-05-10T09:00:00Z', { months: 2 }, '2027-03-10T10:00:00Z'],
    ['one second to midnight in Paris', '2027-03-31T21:59:59Z', { months: 2 }, '2027-01-31T22:59:59Z'],
    ['midnight in Paris is the next day', '2027-03-31T22:00:00Z', { months: 2 }, '2027-01-31T23:00:00Z'],
    ['31 August, and June has 30', '2027-08-31T10:00:00Z', { months: 2 }, '2027-06-30T10:00:00Z'],
    ['30 April, and February has 28', '2027-04-30T10:00:00Z', { months: 2 }, '2027-02-28T11:00:00Z'],
    ['30 April, and February has 29', '2028-04-30T10:00:00Z', { months: 2 }, '2028-02-29T11:00:00Z'],
    ['29 April of a leap year', '2028-04-29T10:00:00Z', { months: 2 }, '2028-02-29T11:00:00Z'],
    ['29 February', '2028-02-29T10:00:00Z', { months: 2 }, '2027-12-29T10:00:00Z'],
    ['2100 has no 29 February', '2100-04-29T10:00:00Z', { months: 2 }, '2100-02-28T11:00:00Z'],
    ['a year further back', '2027-01-31T10:00:00Z', { months: 14 }, '2025-11-30T10:00:00Z'],
    ['a day of 23 hours', '2027-03-29T10:00:00Z', { days: 1 }, '2027-03-28T10:00:00Z'],
    ['over the day of 23 hours', '2027-03-28T09:00:00Z', { days: 1 }, '2027-03-27T10:00:00Z'],
    ['over the day of 25 hours', '2026-10-25T10:00:00Z', { days: 1 }, '2026-10-24T09:00:00Z'],
    ['02:30 does not exist: 03:30', '2027-03-29T00:30:00Z', { days: 1 }, '2027-03-28T01:30:00Z'],
    ['02:30 exists twice: the first', '2026-10-26T01:30:00Z', { days: 1 }, '2026-10-25T00:30:00Z'],
    ['thirty days over a change', '2026-11-10T10:00:00Z', { days: 30 }, '2026-10-11T09:00:00Z'],
    ['thirty days over 29 February', '2028-03-15T10:00:00Z', { days: 30 }, '2028-02-14T10:00:00Z'],
  ] as const)('%s', (_, notAfter, threshold, expected) => {
    expect(instant(notAfter, threshold)).toBe(expected);
  });
});

const certificate = (notAfter: string, notBefore = '2024-01-01T00:00:00Z') => ({
  notBefore: new Date(notBefore),
  notAfter: new Date(notAfter),
});
const dueAt = (now: string, of = certificate('2027-06-15T10:00:00Z')): string | undefined =>
  latestDue(of, new Date(now), notices)?.threshold;

describe('what is due', () => {
  it.each([
    ['2027-04-15T09:59:59.999Z', undefined],
    ['2027-04-15T10:00:00Z', '2m'],
    ['2027-05-16T09:59:59Z', '2m'],
    ['2027-05-16T10:00:00Z', '30d'],
    ['2027-05-31T10:00:00Z', '15d'],
    ['2027-06-08T10:00:00Z', '7d'],
    ['2027-06-14T10:00:00Z', '1d'],
    ['2027-06-15T09:59:59Z', '1d'],
    ['2027-06-15T10:00:00Z', undefined],
  ])('at %s is %s: what was missed collapses to the latest', (now, expected) => {
    expect(dueAt(now)).toBe(expected);
  });

  it('is nothing that had passed when the certificate began', () => {
    const short = certificate('2027-06-15T10:00:00Z', '2027-06-01T10:00:00Z');
    expect(dueAt('2027-06-01T10:00:01Z', short)).toBeUndefined();
    expect(dueAt('2027-06-08T10:00:00Z', short)).toBe('7d');
  });
});

it('whatever is due lies in the range of its threshold, and all that is complete is due there or further', () => {
  const moment = fc.date({
    min: new Date('2026-01-01T00:00:00Z'),
    max: new Date('2029-12-31T00:00:00Z'),
    noInvalidDate: true,
  });
  const days = fc.integer({ min: -100 * 1440, max: 100 * 1440 });
  fc.assert(
    fc.property(moment, days, (now, minutes) => {
      const of = { notBefore: new Date(0), notAfter: new Date(now.getTime() + minutes * 60_000) };
      const due = latestDue(of, now, notices)?.threshold;
      const ranges = dueRanges(now, notices);
      for (const { threshold, after, upTo } of ranges) {
        if (due === threshold) expect(of.notAfter > after && of.notAfter <= upTo).toBe(true);
      }
      ranges.forEach(({ complete }, index) => {
        if (of.notAfter <= now || of.notAfter > complete) return;
        expect(ranges.slice(index).map(({ threshold }) => threshold)).toContain(due);
      });
    }),
    { numRuns: 1_000 },
  );
});

it.each([
  ['2027-02-28T22:15:00Z', '2027-04-28', '2027-04-30'],
  ['2027-06-10T10:00:00Z', '2027-08-10', '2027-08-10'],
])('at %s the range of two months is open from %s to %s', (now, from, to) => {
  const [range] = dueRanges(new Date(now), notices);
  expect(range?.complete.toISOString().slice(0, 10)).toBe(from);
  expect(range?.upTo.toISOString().slice(0, 10)).toBe(to);
});

it('the names are those of rows', () => {
  expect([thresholdName({ months: 2 }), thresholdName({ days: 30 })]).toEqual(['2m', '30d']);
});

it.each([
  ['2026-11-29T06:00:00Z', '2026-11-29T06:30:00.000Z', '2026-11-29'],
  ['2026-11-29T06:30:00Z', '2026-11-30T06:30:00.000Z', '2026-11-30'],
  ['2026-11-29T23:30:00Z', '2026-11-30T06:30:00.000Z', '2026-11-30'],
  ['2027-03-27T07:00:00Z', '2027-03-28T05:30:00.000Z', '2027-03-28'],
])('after %s it is half past seven at %s', (now, at, day) => {
  const next = nextTimeOfDay(new Date(now), '07:30', ZONE);
  expect([next.at.toISOString(), next.day]).toEqual([at, day]);
});
