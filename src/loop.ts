// A step repeated at a pace until stopped: relay, sealer and status feed. A step that fails is logged and tried again.

import { errorFacts, type Log } from './log.ts';

export type Loop = { stop(): Promise<void> };

/** What a step is told, so that a long one can end early: whether the loop is to stop. */
export type Step = (isStopping: () => boolean) => Promise<unknown>;

/** Runs `step` every `everyMs` after the last run ended; `stop` waits for the step under way. */
export function startLoop(name: string, everyMs: number, step: Step, log: Log): Loop {
  let stopped = false;
  let wake = (): void => undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      try {
        await step(() => stopped);
      } catch (error) {
        log.warn({ loop: name, ...errorFacts(error) }, 'a step failed and will be tried again');
      }
      if (stopped) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}
