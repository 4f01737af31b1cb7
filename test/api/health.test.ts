import { describe, expect, it, vi } from 'vitest';
import { Outage } from '../../src/errors.ts';
import { buildApi } from '../../src/http/server.ts';
import { ask, expectInContract, useCases, withServer } from './fake-use-cases.ts';

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
    const readiness = async () => ({ ready, checks: [{ name: 'issuing token', ok: ready, detail: 'slot 7' }] });
    const response = await withServer(buildApi(useCases({ readiness })), (app) => app.inject('/readyz'));
    expect([response.statusCode, response.json()]).toEqual([
      status,
      { ready, checks: [{ name: 'issuing token', ok: ready }] },
    ]);
    expectInContract('readyz', response);
  });

  it('readyz asks the parts once a second, however many want to know, and again at once after a failure', async () => {
    const started = Math.ceil(performance.now());
    const clock = vi.spyOn(performance, 'now').mockReturnValue(started);
    let asked = 0;
    const readiness = async () => {
      asked += 1;
      if (asked === 2) throw new Outage('database', 'gone');
      return { ready: asked === 1, checks: [] };
    };
    try {
      await withServer(buildApi(useCases({ readiness })), async (app) => {
        const statusOf = async () => (await app.inject('/readyz')).statusCode;
        expect([await statusOf(), ...(await Promise.all([statusOf(), statusOf()])), asked]).toEqual([200, 200, 200, 1]);
        clock.mockReturnValue(started + 1_000);
        expect([await statusOf(), asked]).toEqual([503, 2]);
        expect([await statusOf(), asked]).toEqual([503, 3]);
        expect([await statusOf(), asked]).toEqual([503, 3]);
      });
    } finally {
      clock.mockRestore();
    }
  });
});
