// What the meter is told of an issuance, by the step at which it ended.

import { expect, it } from 'vitest';
import { measureIssuance } from '../../src/ca/measure-issuance.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import { type IssuanceStep, type Meter, NO_METER } from '../../src/meter.ts';
import { policies } from '../policy/policies.ts';

const STEPS: readonly IssuanceStep[] = ['decide', 'record_intent', 'sign', 'record_result'];
const none = new Outage('hsm', 'away', { signature: 'none' });
const unknown = new Outage('hsm', 'late', { signature: 'unknown' });
const database = new Outage('database', 'away');

/** Steps that were timed and ends that were counted when `error` is thrown at a step. */
async function told(error?: unknown, at?: IssuanceStep, profile = 'serv-ssl') {
  const heard = { steps: [] as string[], ends: [] as unknown[] };
  const meter: Meter = {
    ...NO_METER,
    issuanceStep: (step) => void heard.steps.push(step),
    issuance: (...end) => void heard.ends.push(end),
  };
  const issuance = measureIssuance({ meter, policies }, profile, async (step) => {
    for (const name of STEPS)
      await step(name, async () => {
        if (name === at) throw error;
      });
  });
  if (at === undefined) await issuance;
  else await expect(issuance).rejects.toBe(error);
  return heard;
}

it('one that succeeds is issued, and has four steps', async () => {
  expect(await told()).toEqual({ steps: STEPS, ends: [['serv-ssl', 'issued']] });
});

it.each<[string, unknown, IssuanceStep, unknown[]]>([
  ['refused, with its code', new Refusal('key_weak', 'x'), 'decide', ['refused', 'key_weak']],
  ['refused, with its code', new Refusal('key_reused', 'x'), 'record_intent', ['refused', 'key_reused']],
  ['unavailable', database, 'record_intent', ['unavailable']],
  ['unsigned', none, 'sign', ['unsigned']],
  ['unsigned', new Refusal('signer_refused', 'x'), 'sign', ['unsigned']],
  ['burnt', unknown, 'sign', ['burnt']],
  ['burnt', new TypeError('x'), 'sign', ['burnt']],
  ['unsettled', database, 'record_result', ['unsettled']],
  ['failed', new TypeError('x'), 'decide', ['failed']],
])('%s: %s at %s', async (_, error, at, end) => {
  const { steps, ends } = await told(error, at);
  expect(ends).toEqual([['serv-ssl', ...end]]);
  expect(steps).toEqual(STEPS.slice(0, STEPS.indexOf(at) + 1));
});

it('a profile that does not exist is no label', async () => {
  expect((await told(undefined, undefined, 'DURAND')).ends).toEqual([['unknown', 'issued']]);
});
