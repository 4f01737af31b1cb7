// The workers that live, by the name under which graphile-worker locks jobs. Who does not say for a while that it lives is dead, and
// its locks, which would last for hours, are broken. Time is the database's.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';

/** A worker that has not been heard of for so long is dead; each says every few seconds that it lives. */
export const DEAD_AFTER_MS = 30_000;
/** A worker of a version without heartbeats is dead when it has kept a job for so long: a publication under its lease takes six deadlines of at most a minute. */
const UNKNOWN_DEAD_AFTER_MS = 15 * 60_000;

const ago = (ms: number) => sql`clock_timestamp() - ${ms} * interval '1 millisecond'`;

/** Whether the worker that locked the row of `jobs` that a query is at is dead. */
export const LOCKED_BY_THE_DEAD = sql`(locked_at is not null
  and not exists (select from worker_heartbeat where worker = locked_by and seen_at > ${ago(DEAD_AFTER_MS)})
  and (locked_at < ${ago(UNKNOWN_DEAD_AFTER_MS)} or exists (select from worker_heartbeat where worker = locked_by)))`;

/** Says that a worker lives. */
export async function beatHeart(tx: Tx, worker: string): Promise<void> {
  await tx.execute(sql`
    insert into worker_heartbeat (worker, started_at, seen_at) values (${worker}, clock_timestamp(), clock_timestamp())
    on conflict (worker) do update set seen_at = excluded.seen_at`);
}

/** Forgets a worker that has ended and holds nothing any more. */
export async function endHeartbeat(tx: Tx, worker: string): Promise<void> {
  await tx.execute(sql`delete from worker_heartbeat where worker = ${worker}`);
}

/** The names of dead workers: those that were heard of once, and those that only their locks tell of. */
export async function findDeadWorkers(tx: Tx): Promise<string[]> {
  const { rows } = await tx.execute<{ worker: string }>(sql`
    select worker from worker_heartbeat where seen_at <= ${ago(DEAD_AFTER_MS)}
    union select locked_by from graphile_worker.jobs where ${LOCKED_BY_THE_DEAD}
    order by worker`);
  return rows.map(({ worker }) => worker);
}

/** Frees what these workers have locked, unless one was heard of meanwhile; answers how many jobs. Their attempts stay counted. */
export async function buryWorkers(tx: Tx, workers: readonly string[]): Promise<number> {
  const named = sql`any(array(select jsonb_array_elements_text(${JSON.stringify(workers)}::jsonb)))`;
  await tx.execute(sql`delete from worker_heartbeat where worker = ${named} and seen_at <= ${ago(DEAD_AFTER_MS)}`);
  const dead = sql`locked_by = ${named} and not exists (select from worker_heartbeat where worker = locked_by)`;
  const { rows } = await tx.execute<{ jobs: number }>(sql`
    with held as (select locked_by from graphile_worker.jobs where ${dead}),
    freed as (select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from held having count(*) > 0)
    select (select count(*)::int from held) as jobs, count(*) from freed`);
  return rows[0]?.jobs ?? 0;
}

/** Whether some worker started after `since` and has lived for so long. */
export async function hasSuccessor(tx: Tx, since: Date, livedMs: number): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    select from worker_heartbeat
    where started_at >= ${since.toISOString()}::timestamptz and started_at <= ${ago(livedMs)}
      and seen_at > ${ago(DEAD_AFTER_MS)}`);
  return (rowCount ?? 0) > 0;
}
