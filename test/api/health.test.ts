import { describe, expect, it } from 'vitest';
import { ask, expectInContract } from './fake-use-cases.ts';

describe('health', () => {
  it('livez asks nothing', async () => {
    const response = await ask('/livez', {
      readiness: () => Promise.reject(new Error('asked')),
      findActor: () => Promise.reject(new Error('asked')),
    });
    expect(response.json()).toEqual({ alive: true });
    expectInContract('livez', response);
  });

  it.each([
    [true, 200],
    [false, 503],
  ])('readyz with ready %s is %i, and keeps the reasons to itself', async (ready, status) => {
    const response = await ask('/readyz', {
      readiness: async () => ({ ready, checks: [{ name: 'issuing token', ok: ready, detail: 'slot 7' }] }),
    });
    expect([response.statusCode, response.json()]).toEqual([
      status,
      { ready, checks: [{ name: 'issuing token', ok: ready }] },
    ]);
    expectInContract('readyz', response);
  });
});
