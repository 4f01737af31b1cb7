// What runs by the clock, as data: one line for each task, in UTC. graphile-worker gives each line to one worker, however many run.
// Freshness does not rest on these jobs: the loops of worker.ts look far more often. What a job adds is that a run that fails, or
// fails to come, is seen (`igc jobs list`, alarm job_failed).

import { type CronItem, type ParsedCronItem, parseCronItems } from 'graphile-worker';

const HOUR = 3_600_000;

export type Scheduled = {
  /** name of the task in tasks.ts */
  readonly task: string;
  /** minute, hour, day of month, month, day of week */
  readonly match: string;
  /** a run that was missed by less than this, because no worker ran, is made up for at the start; 0: the next one will do */
  readonly backfillPeriod: number;
};

export const SCHEDULE: readonly Scheduled[] = [
  { task: 'publish_due_crls', match: '*/10 * * * *', backfillPeriod: HOUR },
  { task: 'renew_responders', match: '7 * * * *', backfillPeriod: 24 * HOUR },
  { task: 'recover_rows', match: '*/5 * * * *', backfillPeriod: 0 },
  { task: 'prune_ended_rows', match: '23 2 * * *', backfillPeriod: 48 * HOUR },
  { task: 'send_notices', match: '30 5 * * *', backfillPeriod: 48 * HOUR },
  { task: 'reconcile_directory', match: '47 1 * * *', backfillPeriod: 0 },
];

/** A run that fails five times in a row, about two minutes, is an alarm; the next one by the clock takes its place. */
const MAX_ATTEMPTS = 5;

/** The schedule as graphile-worker takes it: at most one job of each task waits, however many runs were missed. */
export const cronItems = (schedule: readonly Scheduled[] = SCHEDULE): ParsedCronItem[] =>
  parseCronItems(
    schedule.map(
      ({ task, match, backfillPeriod }): CronItem => ({
        task,
        match,
        options: { backfillPeriod, maxAttempts: MAX_ATTEMPTS, jobKey: task, jobKeyMode: 'preserve_run_at' },
      }),
    ),
  );
