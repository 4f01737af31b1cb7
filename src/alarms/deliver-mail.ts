// Carries alarms to people by mail, each event once, and never more than so many mails an hour: what comes thick and fast comes
// together. Who sends the mails is not known here.

import { type AlarmEvent, countTellings, listUndelivered, recordDelivery, type UndeliveredAlarm } from '#db/alarms.ts';
import { acquireLease } from '#db/leases.ts';
import type { Patience } from '../patience.ts';
import type { Needs } from '../system.ts';
import type { Told } from './deliver.ts';
import { clearAlarm, raiseAlarm } from './raise.ts';

export type AlarmMailer = {
  readonly perHour: number;
  /** longest time for one mail to all of its recipients, in milliseconds */
  readonly deadlineMs: number;
  /** sends these events in one mail, and says what became of it; never throws for a mail server that is away */
  send(alarms: readonly UndeliveredAlarm[]): Promise<Told>;
};

type Mailing = {
  readonly mailer: AlarmMailer;
  /** differs between processes */
  readonly holder: string;
  /** kept between two runs: a pause for a server that is away or refuses */
  readonly patience: Patience;
};

/** The name of the channel's rows; it never changes. */
const CHANNEL = 'mail';
const LEASE = `alarms:${CHANNEL}`;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** What is over for so long is not told any more. */
const TOLD_WITHIN_MS = 7 * DAY;
/** A mail with more would not be read. */
const MOST_IN_ONE = 100;

/**
 * Mails what was not mailed yet: one event a mail while an hour has more mails left than there are events, else all in one. Nothing is
 * sent beyond the hour's number, also by several workers. Answers how many events were told, or undefined while another process does.
 * Outage when the database or the clock is away; a mail server that is away is alarm `mail_away`, which waits with the others.
 */
export async function mailAlarms(
  system: Needs<'db' | 'clock' | 'log'>,
  { mailer, holder, patience }: Mailing,
): Promise<number | undefined> {
  const { db, clock } = system;
  if (!patience.mayTry(CHANNEL)) return undefined;
  const isOurs = async (): Promise<boolean> =>
    (await acquireLease(db.read, LEASE, holder, mailer.deadlineMs + 30_000)) !== undefined;
  if (!(await isOurs())) return undefined;
  const now = clock().getTime();
  const left = mailer.perHour - (await countTellings(db.read, CHANNEL, new Date(now - HOUR)));
  const since = new Date(now - TOLD_WITHIN_MS);
  const waiting = left > 0 ? await listUndelivered(db.read, CHANNEL, { since, limit: MOST_IN_ONE }) : [];
  const mails = waiting.length === 0 ? [] : waiting.length < left ? waiting.map((alarm) => [alarm]) : [waiting];
  let told = 0;
  for (const mail of mails) {
    const outcome = await mailer.send(mail);
    if (outcome !== 'told') {
      patience.failed(CHANNEL);
      if (outcome === 'away') await raiseAlarm(system, { ...AWAY, detail: 'the mail of an alarm was not taken' });
      return told;
    }
    patience.succeeded(CHANNEL);
    // If we stop before this line, the same mail is sent again under the same Message-ID.
    await note(system, mail);
    await clearAlarm(system, AWAY);
    told += mail.length;
    if (!(await isOurs())) return told;
  }
  return told;
}

const AWAY = { kind: 'mail_away', subject: 'smtp' } as const;

/** With one time for all that was in one mail: times are what is counted. */
async function note(
  { db, clock }: Needs<'db' | 'clock'>,
  mail: readonly { readonly id: bigint; readonly event: AlarmEvent }[],
): Promise<void> {
  const deliveredAt = clock();
  await db.transaction(async (tx) => {
    for (const { id: alarmId, event } of mail)
      await recordDelivery(tx, { alarmId, event, channel: CHANNEL, deliveredAt });
  });
}
