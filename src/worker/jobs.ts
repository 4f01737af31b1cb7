// Runs graphile-worker, and starts it again when it gives up.

import { EventEmitter } from 'node:events';
import { Logger, type Runner, run, type WorkerEvents } from 'graphile-worker';
import { required } from '../config.ts';
import { startLoop } from '../loop.ts';
import type { Mailer } from '../notices/mail.ts';
import type { System } from '../system.ts';
import { BEAT_MS, createHeartbeat } from './heartbeats.ts';
import { cronItems } from './schedule.ts';
import { createTasks } from './tasks.ts';

const RESTART_MS = 1_000;

/** graphile-worker gives up when it cannot write down for minutes what became of a job; then another one is started. */
export async function keepJobsRunning(system: System, mailer: Mailer | undefined): Promise<{ stop(): Promise<void> }> {
  let jobs = await startJobs(system, mailer);
  const heartbeat = createHeartbeat(system);
  const restart = async (): Promise<void> => {
    if (!jobs.hasEnded()) return;
    system.log.warn('the job runner ended and is started again');
    jobs = await startJobs(system, mailer);
  };
  const restarting = startLoop('jobs', RESTART_MS, restart, system.log);
  // One that gave up is heard of no more, and what it could not give back is free half a minute later.
  const beat = async (): Promise<void> => {
    if (!jobs.hasEnded()) await heartbeat.beat(jobs.name);
  };
  const beating = startLoop('heartbeat', BEAT_MS, beat, system.log);
  return {
    async stop() {
      await restarting.stop();
      if (!jobs.hasEnded()) await jobs.runner.stop();
      await beating.stop();
      await heartbeat.end(jobs.name);
    },
  };
}

type Jobs = {
  readonly runner: Runner;
  readonly hasEnded: () => boolean;
  /** under which it locks jobs */
  readonly name: string;
};

async function startJobs(system: System, mailer: Mailer | undefined): Promise<Jobs> {
  let name = '';
  const events: WorkerEvents = new EventEmitter();
  events.on('pool:create', ({ workerPool }) => {
    name = workerPool.id;
  });
  const runner = await run({
    connectionString: required(system.config, 'DATABASE_URL'),
    concurrency: 4,
    pollInterval: 1_000,
    noHandleSignals: true,
    events,
    taskList: createTasks(system, mailer),
    parsedCronItems: cronItems(),
    // With a delay, even of nothing, the end of a job is written again and again while the database is away; without one, the first
    // failure is a rejection that nobody handles, and ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    logger: new Logger((scope) => (level, message) => {
      if (level === 'error' || level === 'warning') system.log.warn({ task: scope.taskIdentifier }, redact(message));
    }),
  });
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  runner.promise.then(end, end);
  return { runner, hasEnded: () => ended, name };
}

/** A job's error text may quote its payload or a row: only the words before it, which name the job, are logged. */
const redact = (message: string): string => message.split(/\n| with error /)[0]?.slice(0, 120) ?? '';
