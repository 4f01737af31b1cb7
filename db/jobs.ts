// Jobs of graphile-worker as operators see them, through its own view and functions. Payloads are never read here: they are between
// the act that asked and the task that runs.

import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { LOCKED_BY_THE_DEAD } from './workers.ts';

/**
 * `failed`: no attempt is left. `stuck`: its worker is dead, and no other one has noticed. `running`: a worker has it.
 * `due`: a worker takes it next. `waiting`: its time has not come, after a failure or by plan.
 */
export type JobState = 'failed' | 'stuck' | 'running' | 'due' | 'waiting';

export type Job = {
  readonly id: string;
  readonly state: JobState;
  readonly task: string;
  /** names what the job is about, by identifiers alone; null where jobs are not told apart */
  readonly key: string | null;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly runAt: Date;
  /** what the task threw; may quote rows and payloads, so it is for redaction, never for printing */
  readonly lastError: string | null;
};

type JobRow = Omit<Job, 'runAt'> & { readonly runAt: string | Date };

export type JobFilter = {
  readonly ids?: readonly string[];
  readonly states?: readonly JobState[];
  readonly limit?: number;
};

/** Jobs, failed and stuck ones first. None before a worker has ever run. */
export async function listJobs(tx: Tx, { ids, states, limit }: JobFilter = {}): Promise<Job[]> {
  if (!(await hasJobs(tx))) return [];
  const { rows } = await tx.execute<JobRow>(sql`
    select id::text as id, ${stateOf} as state, task_identifier as task, key, attempts, max_attempts as "maxAttempts",
      run_at as "runAt", last_error as "lastError"
    from graphile_worker.jobs
    where ${ids === undefined ? sql`true` : sql`id = any(${bigints(ids)})`}
      and ${states === undefined ? sql`true` : sql`${stateOf} = any(${`{${states.join(',')}}`}::text[])`}
    order by array_position(array['failed', 'stuck', 'running', 'due', 'waiting'], ${stateOf}), run_at, jobs.id
    limit ${limit ?? null}`);
  return rows.map((row) => ({ ...row, runAt: new Date(row.runAt) }));
}

/**
 * Makes jobs due at once, with all attempts before them; a stuck one is first taken from its worker, whose other locks are broken
 * with it. Jobs that run, and ids that are gone, are left alone. Answers the ids that are due now.
 */
export async function retryJobs(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (!(await hasJobs(tx))) return [];
  await tx.execute(sql`
    select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from graphile_worker.jobs
    where id = any(${bigints(ids)}) and ${stateOf} = 'stuck' having count(*) > 0`);
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id::text as id from graphile_worker.reschedule_jobs(${bigints(ids)}, run_at => now(), attempts => 0)`);
  return rows.map(({ id }) => id);
}

/** Of jobs named `task key`, or `task id` where a job has no key, those that are not done yet, whatever their state. */
export async function jobsStillThere(tx: Tx, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0 || !(await hasJobs(tx))) return new Set();
  const { rows } = await tx.execute<{ name: string }>(sql`
    select name from (select left(task_identifier || ' ' || coalesce(key, id::text), 256) as name from graphile_worker.jobs) job
    where name = any(array(select jsonb_array_elements_text(${JSON.stringify(names)}::jsonb)))`);
  return new Set(rows.map(({ name }) => name));
}

const stateOf: SQL = sql`case
  when ${LOCKED_BY_THE_DEAD} then 'stuck'
  when locked_at is not null then 'running'
  when attempts >= max_attempts then 'failed'
  when run_at <= now() then 'due'
  else 'waiting' end`;

const bigints = (ids: readonly string[]): SQL => sql`${`{${ids.join(',')}}`}::bigint[]`;

/** graphile-worker makes its schema when the first worker starts. */
async function hasJobs(tx: Tx): Promise<boolean> {
  const { rows } = await tx.execute<{ found: boolean }>(
    sql`select to_regclass('graphile_worker.jobs') is not null as found`,
  );
  return rows[0]?.found === true;
}
