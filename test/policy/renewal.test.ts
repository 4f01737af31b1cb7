import { describe, expect, it } from 'vitest';
import { latestDue } from '../../src/policy/due.ts';
import { decideRenewal } from '../../src/policy/renewal.ts';

const at = (text: string): Date => new Date(text);
/** Those of policies/notices.yaml. */
const POLICY = {
  thresholds: [{ months: 2 }, { days: 30 }, { days: 15 }, { days: 7 }, { days: 1 }],
  zone: 'Europe/Paris',
};
const LIFE = { notBefore: at('2026-11-21T13:58:00Z'), notAfter: at('2029-11-21T13:58:00Z') };

describe('the window in which to renew', () => {
  it('opens two calendar months before the end, on the clocks of Paris, and closes thirty days before it', () => {
    expect(decideRenewal(LIFE, [], POLICY)).toEqual({
      start: at('2029-09-21T12:58:00Z'),
      end: at('2029-10-22T12:58:00Z'),
      reason: 'end_of_validity',
    });
  });

  it('of a life of days is its third quarter', () => {
    const life = { notBefore: at('2026-01-01T00:00:00Z'), notAfter: at('2026-01-09T00:00:00Z') };
    expect(decideRenewal(life, [], POLICY)).toMatchObject({ start: at('2026-01-05Z'), end: at('2026-01-07Z') });
  });

  it('after an incident ended when it happened, and of two the first counts', () => {
    const revoked = { kind: 'revoked', at: at('2027-01-02T03:04:05Z') } as const;
    const blocked = { kind: 'key_blocked', at: at('2027-01-01T00:00:00Z') } as const;
    expect(decideRenewal(LIFE, [revoked], POLICY)).toEqual({
      start: at('2027-01-02T03:03:05Z'),
      end: at('2027-01-02T03:04:05Z'),
      reason: 'revoked',
    });
    expect(decideRenewal(LIFE, [revoked, blocked], POLICY).reason).toBe('key_blocked');
  });
});

describe('the window and the first mail', () => {
  it.each([
    ['on an ordinary day', '2029-11-21T13:58:00Z'],
    ['over the end of summer time', '2027-11-30T22:30:00Z'],
    ['over its beginning', '2027-05-27T22:30:00Z'],
    ['at an hour that the day of the beginning has not', '2027-05-28T00:30:00Z'],
    ['at an hour that comes twice on the day of the end', '2027-12-31T00:30:00Z'],
    ['at an end of a month that the other month has not', '2027-04-30T22:30:00Z'],
    ['at the last of February of a leap year', '2028-04-30T10:00:00Z'],
    ['at the turn of the year, which comes an hour earlier in Paris', '2029-02-28T23:30:00Z'],
  ])('are at the same moment: an end %s, %s', (_, notAfter) => {
    const life = { notBefore: at('2026-11-21T13:58:00Z'), notAfter: at(notAfter) };
    const { start, end } = decideRenewal(life, [], POLICY);
    for (const [moment, threshold] of [
      [start, '2m'],
      [end, '30d'],
    ] as const) {
      expect(latestDue(life, moment, POLICY)).toEqual({ threshold, dueAt: moment });
      expect(latestDue(life, new Date(moment.getTime() - 1), POLICY)?.threshold).not.toBe(threshold);
    }
  });

  it.each([
    // UTC alone would say 30 September
    ['2027-11-30T23:30:00Z', '2027-09-30T22:30:00.000Z'],
    ['2028-04-30T10:00:00Z', '2028-02-29T11:00:00.000Z'],
    // 1 May in Paris, 30 April in UTC
    ['2027-04-30T22:30:00Z', '2027-02-28T23:30:00.000Z'],
    // 28 May 02:30 in Paris; on 28 March clocks go from 02:00 to 03:00
    ['2027-05-28T00:30:00Z', '2027-03-28T01:30:00.000Z'],
  ])('an end at %s is warned of, and renewed from, %s', (notAfter, start) => {
    const life = { notBefore: at('2026-11-21T13:58:00Z'), notAfter: at(notAfter) };
    expect(decideRenewal(life, [], POLICY).start.toISOString()).toBe(start);
  });

  it('follow the policy; with one threshold the window ends in the middle of what is left', () => {
    const policy = { thresholds: [{ days: 20 }], zone: 'UTC' };
    expect(decideRenewal(LIFE, [], policy)).toMatchObject({
      start: at('2029-11-01T13:58:00Z'),
      end: at('2029-11-11T13:58:00Z'),
    });
  });
});
