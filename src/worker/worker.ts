// The worker role: graphile-worker runs tasks and schedules; two loops carry outbox rows to it and seal the audit.

import { randomUUID } from 'node:crypto';
import { Logger, parseCronItems, type Runner, run } from 'graphile-worker';
import { relayOutbox } from '#db/outbox.ts';
import { sealAuditRows } from '../audit/seal.ts';
import { required } from '../config.ts';
import { startLoop } from '../loop.ts';
import type { System } from '../system.ts';
import { createTasks } from './tasks.ts';

const RELAY_MS = 200;
const SEAL_MS = 500;
const OUTBOX_BATCH = 1_000;

/** What runs without anyone asking. `backfillPeriod` is 0: every task looks at what is due, so a missed run loses nothing. */
const SCHEDULE = [
  { task: 'recover_certificates', match: '* * * * *', options: { jobKey: 'recover_certificates', backfillPeriod: 0 } },
  { task: 'publish_due_crls', match: '* * * * *', options: { jobKey: 'publish_due_crls', backfillPeriod: 0 } },
  {
    task: 'renew_ocsp_responders',
    match: '17 * * * *',
    options: { jobKey: 'renew_ocsp_responders', backfillPeriod: 0 },
  },
];

/** Starts the worker; `stop` lets the jobs under way end. Throws Outage when the database is away. */
export async function startWorker(system: System): Promise<{ stop(): Promise<void> }> {
  const tasks = createTasks(system);
  const runner = await run({
    connectionString: required(system.config, 'DATABASE_URL'),
    concurrency: 4,
    pollInterval: 1_000,
    noHandleSignals: true,
    taskList: tasks,
    parsedCronItems: parseCronItems(SCHEDULE),
    logger: new Logger((scope) => (level, message) => {
      if (level === 'error' || level === 'warning') system.log.warn({ task: scope.taskIdentifier }, redact(message));
    }),
  });
  await enqueueFirstLook(runner);
  const holder = randomUUID();
  const loops = [
    startLoop('relay', RELAY_MS, () => relayAll(system), system.log),
    startLoop('sealer', SEAL_MS, () => sealAuditRows(system, holder), system.log),
  ];
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await runner.stop();
    },
  };
}

/** At start everything is looked at once, without waiting for the first minute. */
async function enqueueFirstLook(runner: Runner): Promise<void> {
  for (const { task } of SCHEDULE) await runner.addJob(task, {}, { jobKey: task });
}

async function relayAll(system: System): Promise<void> {
  while ((await system.db.transaction((tx) => relayOutbox(tx, OUTBOX_BATCH))) === OUTBOX_BATCH);
}

/** A job's error text may quote its payload or a row: only the first words, which name the job, are logged. */
const redact = (message: string): string => message.split('\n')[0]?.slice(0, 120) ?? '';
