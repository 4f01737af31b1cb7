import { describe, expect, it } from 'vitest';
import { PROBLEMS, SHOWN_CODES } from '../../src/http/problem-texts.ts';

describe.each(Object.entries(PROBLEMS))('the problem %s', (code, { status, fr, en, retryAfter }) => {
  it('has a status for errors and a title and a sentence in both languages', () => {
    expect(status).toBeGreaterThanOrEqual(400);
    for (const { title, detail } of [fr, en]) {
      expect(title).toMatch(/^\S.*[^.\s]$/);
      expect(detail).toMatch(/^\S.*\.$/);
    }
    expect(fr).not.toEqual(en);
  });

  it('says when to try again exactly when that may help', () => {
    expect(retryAfter !== undefined).toBe(
      ['service_unavailable', 'idempotency_key_in_progress', 'rate_limited'].includes(code),
    );
  });

  it('is shown under its own code unless it is our own fault', () => {
    expect(SHOWN_CODES.includes(code)).toBe(status !== 500 || code === 'internal_error');
  });
});
