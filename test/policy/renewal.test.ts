import { describe, expect, it } from 'vitest';
import { monthsBefore } from '../../src/policy/calendar.ts';
import { decideRenewal } from '../../src/policy/renewal.ts';

const at = (text: string): Date => new Date(text);
const LIFE = { notBefore: at('2026-11-21T13:58:00Z'), notAfter: at('2029-11-21T13:58:00Z') };

describe('the window in which to renew', () => {
  it('opens two calendar months before the end and closes one month before it', () => {
    expect(decideRenewal(LIFE, [])).toEqual({
      start: at('2029-09-21T13:58:00Z'),
      end: at('2029-10-21T13:58:00Z'),
      reason: 'end_of_validity',
    });
  });

  it('of a life of days is its third quarter', () => {
    const life = { notBefore: at('2026-01-01T00:00:00Z'), notAfter: at('2026-01-09T00:00:00Z') };
    expect(decideRenewal(life, [])).toMatchObject({ start: at('2026-01-05Z'), end: at('2026-01-07Z') });
  });

  it('after an incident ended when it happened, and of two the first counts', () => {
    const revoked = { kind: 'revoked', at: at('2027-01-02T03:04:05Z') } as const;
    const blocked = { kind: 'key_blocked', at: at('2027-01-01T00:00:00Z') } as const;
    expect(decideRenewal(LIFE, [revoked])).toEqual({
      start: at('2027-01-02T03:03:05Z'),
      end: at('2027-01-02T03:04:05Z'),
      reason: 'revoked',
    });
    expect(decideRenewal(LIFE, [revoked, blocked]).reason).toBe('key_blocked');
  });
});

describe('so many months before', () => {
  it.each([
    ['2029-11-21T13:58:00Z', 2, '2029-09-21T13:58:00Z'],
    ['2028-04-30T10:00:00Z', 2, '2028-02-29T10:00:00Z'],
    ['2027-04-30T10:00:00Z', 2, '2027-02-28T10:00:00Z'],
    ['2027-12-31T10:00:00Z', 1, '2027-11-30T10:00:00Z'],
    ['2027-01-31T00:00:00Z', 2, '2026-11-30T00:00:00Z'],
  ])('%s: %i is %s', (moment, months, earlier) => {
    expect(monthsBefore(at(moment), months)).toEqual(at(earlier));
  });
});
