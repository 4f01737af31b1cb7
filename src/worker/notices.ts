// The loops of the notices: what is due is written down every minute, what waits is sent every second, and every hour somebody looks
// whether anything is missing. Without SMTP_URL there are none.

import { type Loop, type Step, startLoop } from '../loop.ts';
import { readBounces, readReceivedReports } from '../notices/bounces.ts';
import { checkNotices } from '../notices/check.ts';
import type { Mailer } from '../notices/mail.ts';
import { recordDueNotices } from '../notices/record.ts';
import { sendWaitingMails } from '../notices/send.ts';
import { createPatience } from '../patience.ts';
import type { System } from '../system.ts';

const RECORD_MS = 60_000;
const SEND_MS = 1_000;
const CHECK_MS = 3_600_000;
const BOUNCES_MS = 60_000;
const REPORTS_MS = 10_000;
/** A turn ends soon, so that a worker that is to stop does. */
const TURN = 200;

/** When this copy last looked for notices that are due, through to the end. */
export type LastNotices = { at?: Date };

/** Starts them; each is tried again when it fails, and a mail server that is away is asked less and less often. */
export function startNotices(system: System, mailer: Mailer | undefined, last: LastNotices): readonly Loop[] {
  if (mailer === undefined) {
    system.log.info('no mail is sent: SMTP_URL is not set');
    return [];
  }
  const directory = system.config.BOUNCE_DIRECTORY;
  return [
    startLoop('notices', RECORD_MS, () => recordAndNote(system, last), system.log),
    startLoop('mails', SEND_MS, sendPatiently(system, mailer), system.log),
    startLoop('missing notices', CHECK_MS, () => checkNotices(system), system.log),
    startLoop('delivery reports', REPORTS_MS, () => readReceivedReports(system), system.log),
    ...(directory === undefined
      ? []
      : [startLoop('bounces', BOUNCES_MS, () => readBounces(system, directory), system.log)]),
  ];
}

async function recordAndNote(system: System, last: LastNotices): Promise<void> {
  await recordDueNotices(system);
  last.at = system.clock();
}

const SERVER = 'smtp';

/** One turn after the other while there is more than one has room for: a day's mails are not to wait for pauses. */
function sendPatiently(system: System, mailer: Mailer): Step {
  const patience = createPatience();
  return async (isStopping) => {
    if (!patience.mayTry(SERVER)) return;
    try {
      while ((await sendWaitingMails(system, mailer, TURN)) === TURN && !isStopping());
      patience.succeeded(SERVER);
    } catch (error) {
      patience.failed(SERVER);
      throw error;
    }
  };
}

/** What the task does: everything that is due, recorded and sent, as far as one turn goes. */
export async function sendNotices(system: System, mailer: Mailer | undefined): Promise<void> {
  if (mailer === undefined) return;
  await recordDueNotices(system);
  await sendWaitingMails(system, mailer, TURN);
}
