// The outbox: jobs that exist if and only if the act that wants them commits. The relay hands them to graphile-worker in batches,
// because its pg_notify inside an act's transaction would make every commit wait for the one before.

import { count, min, sql } from 'drizzle-orm';
import type { JsonObject } from './canonical.ts';
import type { Tx } from './connect.ts';
import { outbox } from './schema/audit.ts';

export type NewJob = {
  /** name of the task, in snake_case */
  readonly task: string;
  /** identifiers only */
  readonly payload: JsonObject;
  /** of several waiting jobs with one key only the newest is run */
  readonly jobKey: string;
};

/** Asks for a job once this transaction has committed. */
export async function enqueue(tx: Tx, job: NewJob): Promise<void> {
  await tx.insert(outbox).values(job);
}

/** Jobs that the relay has not taken yet: how many, and since when the oldest waits. */
export async function outboxBacklog(tx: Tx): Promise<{ readonly rows: number; readonly oldest: Date | null }> {
  const [row] = await tx.select({ rows: count(), oldest: min(outbox.createdAt) }).from(outbox);
  return row ?? { rows: 0, oldest: null };
}

/**
 * Turns at most `limit` outbox rows into jobs, in the order (xid, id) and up to the oldest transaction that still runs, so
 * that the newest of one key wins; answers how many rows it took. Several relays may run at once.
 */
export async function relayOutbox(tx: Tx, limit: number): Promise<number> {
  // add_jobs refuses two jobs of one key in a batch, and would notify even for an empty one.
  const { rows } = await tx.execute<{ taken: number }>(sql`
    with taken as (
      delete from outbox where id in (
        select id from outbox where xid < pg_snapshot_xmin(pg_current_snapshot())
        order by xid, id limit ${limit} for update skip locked
      ) returning xid, id, task, payload, job_key
    ), newest as (
      select distinct on (job_key) xid, id, task, payload, job_key from taken order by job_key, xid desc, id desc
    ), batch as (
      select array_agg(
        row (task, payload::json, null, null, null, job_key, null, null)::graphile_worker.job_spec order by xid, id
      ) as specs from newest having count(*) > 0
    )
    select (select count(*)::int from taken) as taken, count(job.id) as jobs
    from batch cross join lateral graphile_worker.add_jobs(batch.specs) as job`);
  return rows[0]?.taken ?? 0;
}
