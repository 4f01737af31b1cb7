// A step that is repeated until its loop is to stop.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { startLoop } from '../src/loop.ts';

const log = pino({ level: 'silent' });

it('a step that goes on while it may is told when its loop is to stop, and is waited for', async () => {
  const begun = Promise.withResolvers<void>();
  let ended = false;
  const loop = startLoop(
    'test',
    60_000,
    async (isStopping) => {
      begun.resolve();
      while (!isStopping()) await new Promise((resolve) => setTimeout(resolve, 5));
      ended = true;
    },
    log,
  );
  await begun.promise;
  await loop.stop();
  expect(ended).toBe(true);
});
