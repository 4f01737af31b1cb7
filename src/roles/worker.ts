// The worker role: schedules, jobs, relay and sealer.

import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { openMetrics } from '../metrics/open.ts';
import { signerSource } from '../metrics/signer-source.ts';
import {
  alarmSource,
  backlogSource,
  connectionSource,
  directorySource,
  expirySource,
  listSource,
  noticeSource,
  observerSource,
  storeSource,
  webhookSource,
} from '../metrics/sources.ts';
import { openSystem } from '../open-system.ts';
import { startWorker } from '../worker/worker.ts';
import { workerReadiness } from './readiness.ts';
import type { RunningRole } from './role.ts';

/** Starts the worker role; throws when something that it needs is not there. */
export async function startWorkerRole(config: Config, log: Log): Promise<RunningRole> {
  const metrics = await openMetrics(config, 'worker', log);
  const system = await openSystem(config, { role: 'worker', log, meter: metrics.meter });
  const worker = await startWorker(system);
  const { observer, lastNotices, directoryIsAway } = worker;
  const sources = [
    signerSource('issuing', () => system.issuing.health()),
    signerSource('ocsp', () => system.ocsp.health()),
    connectionSource(system.db),
    listSource(system),
    expirySource(system),
    backlogSource(system),
    alarmSource(system),
    observerSource(observer),
    directorySource(system),
    storeSource(system),
    noticeSource(system, lastNotices),
    webhookSource(system),
  ];
  await metrics.show(sources, () => workerReadiness(system, { lastLook: observer.lastLook, directoryIsAway }));
  return {
    async stop() {
      await worker.stop();
      await metrics.close();
      await system.close();
    },
  };
}
