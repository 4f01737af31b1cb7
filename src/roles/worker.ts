// The worker role: schedules, jobs, relay and sealer.

import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { openSystem } from '../open-system.ts';
import { startWorker } from '../worker/worker.ts';
import type { RunningRole } from './role.ts';

/** Starts the worker role; throws when something that it needs is not there. */
export async function startWorkerRole(config: Config, log: Log): Promise<RunningRole> {
  const system = await openSystem(config, { role: 'worker', log });
  const worker = await startWorker(system);
  return {
    async stop() {
      await worker.stop();
      await system.close();
    },
  };
}
