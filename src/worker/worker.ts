// The worker role: graphile-worker runs the jobs that acts ask for. What has to happen even if no job survives runs in loops of its
// own: relay, sealer, recovery, and a look at every CRL and OCSP responder. A worker that is killed keeps its jobs locked for hours;
// a lease of its runs out in seconds.

import { randomUUID } from 'node:crypto';
import { Logger, type Runner, run } from 'graphile-worker';
import { relayOutbox } from '#db/outbox.ts';
import type { SignerHealth } from '#hsm/client.ts';
import { sealAuditRows } from '../audit/seal.ts';
import { createKeySweep } from '../ca/forsaken-keys.ts';
import { recoverCertificates } from '../ca/recover.ts';
import { destroyEndedResponders, renewOcspResponders } from '../ca/renew-responders.ts';
import { required } from '../config.ts';
import { publishDueCrls } from '../crl/due.ts';
import { recoverCrls } from '../crl/recover.ts';
import { startLoop } from '../loop.ts';
import { type Mailer, openMailer } from '../notices/mail.ts';
import { createPatience, type Patience } from '../patience.ts';
import type { System } from '../system.ts';
import { startNotices } from './notices.ts';
import { createTasks } from './tasks.ts';

const RELAY_MS = 200;
const SEAL_MS = 500;
/** How long a CRL or a responder that is due may wait; usually a revocation's own job is there before. */
const LOOK_MS = 3_000;
/** How often the OCSP token is searched for keys that nobody certified. */
const SWEEP_MS = 60_000;
const RESTART_MS = 1_000;
const OUTBOX_BATCH = 1_000;

/** Starts the worker; `stop` lets the jobs under way end. Throws Outage when the database is away. */
export async function startWorker(system: System): Promise<{ stop(): Promise<void> }> {
  const mailer = openMailer(system.config, system.policies.notices);
  const jobs = await keepJobsRunning(system, mailer);
  const holder = randomUUID();
  const { log, config } = system;
  const listPatience = createPatience();
  const responderPatience = createPatience();
  const sweepKeys = createKeySweep();
  const loops = [
    startLoop('relay', RELAY_MS, () => relayAll(system), log),
    startLoop('sealer', SEAL_MS, () => sealAuditRows(system, holder), log),
    // A row is stale after two deadlines, an Idempotency-Key free again after four: by then its row is settled.
    startLoop('recovery', config.SIGNING_DEADLINE_MS, () => recover(system), log),
    startLoop('lists', LOOK_MS, () => publishLists(system, listPatience), log),
    startLoop('forsaken keys', SWEEP_MS, () => sweepKeys(system), log),
    startLoop('responders', LOOK_MS, () => renewResponders(system, responderPatience), log),
    ...startNotices(system, mailer),
  ];
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await jobs.stop();
      mailer?.close();
    },
  };
}

/** graphile-worker gives up when it cannot write down for minutes what became of a job; then another one is started. */
async function keepJobsRunning(system: System, mailer: Mailer | undefined): Promise<{ stop(): Promise<void> }> {
  let jobs = await startJobs(system, mailer);
  const restart = async (): Promise<void> => {
    if (!jobs.hasEnded()) return;
    system.log.warn('the job runner ended and is started again');
    jobs = await startJobs(system, mailer);
  };
  const loop = startLoop('jobs', RESTART_MS, restart, system.log);
  return {
    async stop() {
      await loop.stop();
      if (!jobs.hasEnded()) await jobs.runner.stop();
    },
  };
}

async function startJobs(
  system: System,
  mailer: Mailer | undefined,
): Promise<{ runner: Runner; hasEnded: () => boolean }> {
  const runner = await run({
    connectionString: required(system.config, 'DATABASE_URL'),
    concurrency: 4,
    pollInterval: 1_000,
    noHandleSignals: true,
    taskList: createTasks(system, mailer),
    // without this it looks for a file `crontab` in the working directory
    parsedCronItems: [],
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
  return { runner, hasEnded: () => ended };
}

async function relayAll(system: System): Promise<void> {
  while ((await system.db.transaction((tx) => relayOutbox(tx, OUTBOX_BATCH))) === OUTBOX_BATCH);
}

async function recover(system: System): Promise<void> {
  tellRecovered(system, 'certificate', await recoverCertificates(system));
  tellRecovered(system, 'crl', await recoverCrls(system));
}

/** Whoever began these rows ended badly, and somebody may have asked for them: worth a line. */
function tellRecovered({ meter, log }: System, kind: 'certificate' | 'crl', count: number): void {
  if (count === 0) return;
  meter.recovered(kind, count);
  log.warn({ kind, count }, 'rows that a stopped process had left were burnt');
}

async function renewResponders(system: System, patience: Patience): Promise<void> {
  await renewOcspResponders(system, patience);
  await destroyEndedResponders(system);
}

/** No CRL number is spent on a token that is known to be away. */
async function publishLists(system: System, patience: Patience): Promise<void> {
  if (maySign(await system.issuing.health())) await publishDueCrls(system, system.issuing, patience);
}

const maySign = ({ state, breaker }: SignerHealth): boolean => state === 'open' && breaker !== 'open';

/** A job's error text may quote its payload or a row: only the words before it, which name the job, are logged. */
const redact = (message: string): string => message.split(/\n| with error /)[0]?.slice(0, 120) ?? '';
