import { expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { ACTOR, ask, expectInContract, VIEW } from './fake-use-cases.ts';

const url = `/v1/certificates/${VIEW.id}/renewal-window`;

it('a window is looked up for the actor, and says when to ask again', async () => {
  const queries: unknown[] = [];
  const response = await ask(url, {
    findRenewalWindow: async (query) => {
      queries.push(query);
      return { start: new Date('2027-01-01Z'), end: new Date('2027-01-02Z'), reason: 'revoked' };
    },
  });
  expect(queries).toEqual([{ id: VIEW.id, actor: ACTOR }]);
  expect(response.headers).toMatchObject({ 'retry-after': '21600', 'cache-control': 'no-store' });
  expect(response.json()).toEqual({
    suggestedWindow: { start: '2027-01-01T00:00:00.000Z', end: '2027-01-02T00:00:00.000Z' },
    reason: 'revoked',
  });
  expectInContract('findRenewalWindow', response);
});

it('a certificate of somebody else has none', async () => {
  const findRenewalWindow = () => Promise.reject(new Refusal('not_found', 'there is no such certificate'));
  const response = await ask(url, { findRenewalWindow });
  expect([response.statusCode, response.json().code]).toEqual([404, 'not_found']);
  expectInContract('findRenewalWindow', response);
});

it('what is no identifier names nothing', async () => {
  expect((await ask('/v1/certificates/x/renewal-window')).statusCode).toBe(404);
});
