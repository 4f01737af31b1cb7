// Says that this worker lives, and buries those that do not: graphile-worker keeps the jobs of a worker that was killed locked for
// four hours, here they are free within a minute. A worker that only slept may find a job of its own run by another: jobs may run twice.

import { listAlarms } from '#db/alarms.ts';
import { beatHeart, buryWorkers, DEAD_AFTER_MS, endHeartbeat, findDeadWorkers, hasSuccessor } from '#db/workers.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import type { System } from '../system.ts';

export const BEAT_MS = 5_000;
/** The database may have been away until now, also for those that live: each gets the time to beat, and to connect again. */
const FIRST_LOOK_MS = 3 * BEAT_MS;
/** One alarm for all workers: one that dies again and again is one thing to mend. */
const LOST = { kind: 'worker_lost', subject: 'worker' } as const;
/** A successor that lives for so long does not die of what its predecessor died of. */
const SETTLED_MS = 5 * 60_000;
/** A death is noticed at most so long after it, and its successor may have been started meanwhile. */
const NOTICED_WITHIN_MS = 60_000;

export type Heartbeat = {
  /** says that `worker` lives, then looks after the others */
  beat(worker: string): Promise<void>;
  /** says that `worker` has ended as it should; if we stop before, another one takes it for dead, which harms nothing */
  end(worker: string): Promise<void>;
};

/** The heartbeat of one process; `monotonic` gives milliseconds that never jump. */
export function createHeartbeat(system: System, monotonic: () => number = () => performance.now()): Heartbeat {
  let last: number | undefined;
  let trustedFrom = Number.NEGATIVE_INFINITY;
  return {
    async beat(worker) {
      await beatHeart(system.db.read, worker);
      const now = monotonic();
      if (last === undefined) trustedFrom = now + FIRST_LOOK_MS;
      // We were late ourselves: the database was away or this machine slept, and the others have had no time to say that they live.
      else if (now - last > DEAD_AFTER_MS / 2) trustedFrom = now + DEAD_AFTER_MS;
      last = now;
      if (now < trustedFrom) return;
      await buryTheDead(system);
      await forgetMendedLoss(system);
    },
    end: (worker) => endHeartbeat(system.db.read, worker),
  };
}

async function buryTheDead(system: System): Promise<void> {
  const dead = await findDeadWorkers(system.db.read);
  if (dead.length === 0) return;
  // Alarm first: if we stop after it, the next look finds the dead again, and one death is told twice rather than never.
  await raiseAlarm(system, { ...LOST, detail: `a worker ended without a word: ${dead.join(', ')}` });
  const jobs = await system.db.transaction((tx) => buryWorkers(tx, dead));
  system.log.warn({ workers: dead, jobs }, 'the jobs of a dead worker are free again');
}

async function forgetMendedLoss(system: System): Promise<void> {
  const [open] = await listAlarms(system.db.read, { kind: LOST.kind, limit: 1 });
  if (open === undefined) return;
  const since = new Date(open.lastSeenAt.getTime() - NOTICED_WITHIN_MS);
  if (await hasSuccessor(system.db.read, since, SETTLED_MS)) await clearAlarm(system, LOST);
}
