// Jobs that failed as often as they may: nobody tries them again by itself, so somebody has to know. The rows are asked, not the
// worker that ran them: it may have been killed in the last attempt.

import { openSubjects } from '#db/alarms.ts';
import { type Job, jobsStillThere, listJobs } from '#db/jobs.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import type { System } from '../system.ts';

/** More than this are not told one by one: what lies at the root of so many is told by the first. */
const MOST = 200;

/** Raises an alarm for each job that was given up, and clears those of jobs that are done, or gone, since. */
export async function watchGivenUpJobs(system: System): Promise<void> {
  const open = await openSubjects(system.db.read, 'job_failed');
  const failed = await listJobs(system.db.read, { states: ['failed'], limit: MOST });
  for (const job of failed.filter((job) => !open.has(nameOf(job)))) {
    const detail = `all ${job.maxAttempts} attempts failed; see \`igc jobs list --failed\``;
    await raiseAlarm(system, { kind: 'job_failed', subject: nameOf(job), detail });
  }
  // A job that is tried again is no longer given up, and not done either: its alarm waits for the outcome.
  const there = await jobsStillThere(system.db.read, [...open]);
  for (const subject of open) if (!there.has(subject)) await clearAlarm(system, { kind: 'job_failed', subject });
}

const nameOf = ({ task, key, id }: Job): string => `${task} ${key ?? id}`.slice(0, 256);
