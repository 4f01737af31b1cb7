// The end of the demo, however it comes: what was started is ended once, newest first, and then this process.

import { setTimeout as sleep } from 'node:timers/promises';
import { removeTemporaryFolder } from '../temporary.ts';

const steps: (() => Promise<unknown>)[] = [];
let ending: Promise<void> | undefined;

/** To be done when the demo ends; what is registered later is done earlier. */
export const atEnd = (step: () => Promise<unknown>): void => {
  steps.unshift(step);
};

/** Whether the end has begun. What fails from then on fails because of it. */
export const isEnding = (): boolean => ending !== undefined;

/** Ends everything, and this process with `status`; at a second call it goes on with the first. */
export async function end(status: number, why?: string): Promise<never> {
  if (ending === undefined && why !== undefined) process.stderr.write(`\n${why}\n`);
  ending ??= undoAll();
  await ending;
  process.exit(status);
}

async function undoAll(): Promise<void> {
  for (const step of steps) await step().catch(() => undefined);
  // it waits for the last of our processes; if one hangs, its watcher and the folder's sweeper end both once we are gone
  await Promise.race([removeTemporaryFolder(), sleep(5_000)]);
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const LOOK_FOR_NPM_MS = 500;

/**
 * Ends the demo at a signal, and when the npm that runs it was killed, which cannot tell it. One Ctrl-C comes twice within a
 * millisecond through npm, so a second signal is not taken as impatience.
 */
export function endBySignals(): void {
  for (const [signal, status] of Object.entries(SIGNALS))
    process.on(signal, () => end(status, `${signal}: everything is being ended`));
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event === undefined) return;
  setInterval(() => {
    if (process.ppid !== parent) void end(SIGNALS.SIGHUP, 'npm is gone: everything is being ended');
  }, LOOK_FOR_NPM_MS).unref();
}
