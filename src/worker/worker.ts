// The worker role: graphile-worker runs the jobs that acts ask for. What has to happen even if no job survives runs in loops of its
// own: relay, sealer, recovery, and a look at every CRL and OCSP responder. A worker that is killed keeps its jobs locked until
// another one buries it; a lease of its runs out in seconds.

import { randomUUID } from 'node:crypto';
import { relayOutbox } from '#db/outbox.ts';
import { deliverAlarms } from '../alarms/deliver.ts';
import { openWebhook } from '../alarms/webhook.ts';
import { sealAuditRows } from '../audit/seal.ts';
import { createKeySweep } from '../ca/forsaken-keys.ts';
import { openLook } from '../directory/look.ts';
import { startLoop } from '../loop.ts';
import { openMailer } from '../notices/mail.ts';
import { newObserver, type Observer, observe } from '../observer/observe.ts';
import { createPatience } from '../patience.ts';
import { createConsentUpkeep } from '../store/consent-upkeep.ts';
import { fillCertificateStore } from '../store/fill.ts';
import type { System } from '../system.ts';
import { startAlarmMails } from './alarm-mail.ts';
import { startDirectory } from './directory.ts';
import { watchGivenUpJobs } from './given-up.ts';
import { keepJobsRunning } from './jobs.ts';
import { type LastNotices, startNotices } from './notices.ts';
import { createObserving } from './observing.ts';
import { publishLists, recoverRows, renewResponders } from './steps.ts';
import { prepareWebhooks } from './webhooks.ts';

const RELAY_MS = 200;
const SEAL_MS = 500;
/** How long a certificate may be issued before the store has it. */
const STORE_MS = 1_000;
const CONSENTS_MS = 10_000;
/** How long a CRL or a responder that is due may wait; usually a revocation's own job is there before. */
const LOOK_MS = 3_000;
/** How often the OCSP token is searched for keys that nobody certified. */
const SWEEP_MS = 60_000;
/** How often it is asked whether it is time to look at the public's view. */
const OBSERVE_MS = 10_000;
/** How soon an alarm is told. */
const TELL_MS = 2_000;
/** How soon a job that was given up is an alarm. */
const GIVEN_UP_MS = 10_000;
const OUTBOX_BATCH = 1_000;

export type RunningWorker = {
  readonly observer: Observer;
  readonly lastNotices: LastNotices;
  /** whether the directory, where there is one, did not answer this copy when it last wrote */
  readonly directoryIsAway: () => boolean;
  stop(): Promise<void>;
};

/** Starts the worker; `stop` lets the jobs under way end. Throws Outage when the database is away. */
export async function startWorker(system: System): Promise<RunningWorker> {
  const channels = [openWebhook(system)].flatMap((channel) => channel ?? []);
  const startWebhooks = prepareWebhooks(system);
  const mailer = openMailer(system.config, system.policies.notices);
  const jobs = await keepJobsRunning(system, mailer);
  const holder = randomUUID();
  const { log, config } = system;
  const listPatience = createPatience();
  const responderPatience = createPatience();
  const observer = newObserver(holder, openLook(config));
  const sweepKeys = createKeySweep();
  const channelPatience = createPatience();
  const lastNotices: LastNotices = {};
  const directory = startDirectory(system, holder);
  const loops = [
    ...channels.map((channel) =>
      startLoop(
        channel.name,
        TELL_MS,
        () => deliverAlarms(system, { channel, holder, patience: channelPatience }),
        log,
      ),
    ),
    startLoop('relay', RELAY_MS, () => relayAll(system), log),
    startLoop('sealer', SEAL_MS, () => sealAuditRows(system, holder), log),
    // A row is stale after two deadlines, an Idempotency-Key free again after four: by then its row is settled.
    startLoop('recovery', config.SIGNING_DEADLINE_MS, () => recoverRows(system), log),
    startLoop('lists', LOOK_MS, () => publishLists(system, listPatience), log),
    startLoop('forsaken keys', SWEEP_MS, () => sweepKeys(system), log),
    startLoop('given-up jobs', GIVEN_UP_MS, () => watchGivenUpJobs(system), log),
    startLoop(
      'observer',
      OBSERVE_MS,
      createObserving(() => observe(system, observer)),
      log,
    ),
    startLoop('certificate store', STORE_MS, () => fillCertificateStore(system, holder), log),
    startLoop('consents', CONSENTS_MS, createConsentUpkeep(system), log),
    startLoop('responders', LOOK_MS, () => renewResponders(system, responderPatience), log),
    ...startNotices(system, mailer, lastNotices),
    ...startWebhooks(holder),
    ...startAlarmMails(system, mailer, holder),
  ];
  return {
    observer,
    lastNotices,
    directoryIsAway: directory.isAway,
    async stop() {
      await Promise.all([...loops, directory].map((loop) => loop.stop()));
      await jobs.stop();
      mailer?.close();
    },
  };
}

async function relayAll(system: System): Promise<void> {
  while ((await system.db.transaction((tx) => relayOutbox(tx, OUTBOX_BATCH))) === OUTBOX_BATCH);
}
