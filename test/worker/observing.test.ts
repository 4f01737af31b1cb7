import { expect, test } from 'vitest';
import { createObserving } from '../../src/worker/observing.ts';

/** How often somebody looked after so many minutes, with a step each half minute. */
async function looksAfter(minutes: number, answer: () => Promise<number | undefined>): Promise<number> {
  let now = 0;
  let looks = 0;
  const step = createObserving(
    () => {
      looks += 1;
      return answer();
    },
    () => now,
  );
  for (; now <= minutes * 60_000; now += 30_000) await step().catch(() => undefined);
  return looks;
}

test('the first look is a minute after the start, the next ones five minutes apart', async () => {
  expect(await looksAfter(0.5, async () => 0)).toBe(0);
  expect(await looksAfter(1, async () => 0)).toBe(1);
  expect(await looksAfter(5.5, async () => 0)).toBe(1);
  expect(await looksAfter(6, async () => 0)).toBe(2);
});

test('what was wrong, or could not be looked at, or is for another worker, is asked again after a minute', async () => {
  for (const answer of [async () => 3, async () => undefined, () => Promise.reject(new Error('away'))])
    expect(await looksAfter(5, answer)).toBe(5);
});
