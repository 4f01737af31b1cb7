// Sends what waits. A mail is taken in one statement, handed to the server with no transaction open, and settled in another. A sender
// that dies in between leaves it to the next one, with the same Message-ID: whether the server had it is not known, so it may come
// twice, and never not at all.

import { setTimeout as sleep } from 'node:timers/promises';
import { refuseAddress } from '#db/contacts.ts';
import { type ClaimedMail, claimMail, listCollected, postponeMail, settleMail, type Told } from '#db/notice-mails.ts';
import { listStillEnding, lockNotices } from '#db/notices.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import { Outage } from '../errors.ts';
import type { Needs } from '../system.ts';
import type { Delivery, Mail, Mailer } from './mail.ts';
import { digestMail, noticeMail } from './message.ts';
import { tellOthers } from './pass-on.ts';

type SendNeeds = Needs<'db' | 'clock' | 'policies' | 'log'> & Partial<Needs<'meter'>>;

/** More than clocks of two machines that are both believed can differ. */
const SKEW_MS = 120_000;
const SHORTEST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
const RECORD_AGAIN_MS = 500;

/** What every lane of a turn shares. */
type Turn = { left: number; sent: number; away?: Outage };

/**
 * Sends at most `limit` waiting mails over as many connections as the policy allows, and answers how many were taken by the server.
 * Stops at the first Outage of it, raises `mail_away` and rethrows; the mail that met it waits, the others are as they were. Throws
 * Outage too when database or clock are away.
 */
export async function sendWaitingMails(system: SendNeeds, mailer: Mailer, limit: number): Promise<number> {
  const turn: Turn = { left: limit, sent: 0 };
  const lanes = Array.from({ length: system.policies.notices.sender.connections }, () => runLane(system, mailer, turn));
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (turn.sent > 0) await clearAlarm(system, { kind: 'mail_away', subject: 'smtp' });
  if (turn.away !== undefined) {
    await raiseAlarm(system, { kind: 'mail_away', subject: 'smtp', detail: String(turn.away.cause) });
    throw turn.away;
  }
  if (failed !== undefined) throw failed.reason;
  return turn.sent;
}

async function runLane(system: SendNeeds, mailer: Mailer, turn: Turn): Promise<void> {
  const deadlineMs = system.policies.notices.sender.deadlineSeconds * 1_000;
  while (turn.left > 0 && turn.away === undefined) {
    turn.left -= 1;
    const at = system.clock();
    const until = new Date(at.getTime() + 2 * deadlineMs + SKEW_MS);
    // If we stop after this, nobody sends this mail before `until`, and somebody does after it.
    const claimed = await claimMail(system.db.read, at, until);
    if (claimed === undefined) return;
    await handle(system, mailer, { claimed, at, turn });
  }
}

type Handled = { readonly claimed: ClaimedMail; readonly at: Date; readonly turn: Turn };

async function handle(system: SendNeeds, mailer: Mailer, { claimed, at, turn }: Handled): Promise<void> {
  if (!claimed.works) return await passOn(system, claimed, { at, why: 'contact_gone', address: false });
  const mail = claimed.overtaken ? undefined : await compose(system, claimed, at);
  if (mail === undefined) {
    await settleMail(system.db.read, claimed, { state: 'obsolete', at });
    return;
  }
  try {
    const delivery = await mailer.send(mail);
    await record(system, claimed, { delivery, at });
    if (delivery.kind === 'sent') turn.sent += 1;
  } catch (error) {
    if (!(error instanceof Outage) || error.what !== 'mail') throw error;
    turn.away = error;
    await postpone(system, claimed, { at, why: String(error.cause) });
  }
}

/** What there is still to say: undefined once everything that the mail is about was revoked, replaced, or has ended. */
async function compose({ db, policies }: SendNeeds, claimed: ClaimedMail, at: Date): Promise<Mail | undefined> {
  const told = await toldBy({ db }, claimed);
  const endings = await listStillEnding(db.read, [...new Set(told.map(({ certificateId }) => certificateId))], at);
  const [first] = endings;
  if (first === undefined) return undefined;
  return claimed.certificateId === null ? digestMail(claimed, endings, policies) : noticeMail(claimed, first, policies);
}

const toldBy = async ({ db }: Pick<SendNeeds, 'db'>, claimed: ClaimedMail): Promise<readonly Told[]> => {
  const { certificateId, threshold, digestDay, email } = claimed;
  if (certificateId !== null && threshold !== null) return [{ certificateId, threshold }];
  return digestDay === null ? [] : await listCollected(db.read, email, digestDay);
};

async function record(
  system: SendNeeds,
  claimed: ClaimedMail,
  { delivery, at }: { readonly delivery: Delivery; readonly at: Date },
): Promise<void> {
  switch (delivery.kind) {
    case 'sent':
      system.meter?.noticeMail('sent');
      return await recordSent(system, claimed, at);
    case 'later':
      system.meter?.noticeMail('postponed');
      return await postpone(system, claimed, { at, why: delivery.why });
    case 'refused':
      system.meter?.noticeMail('refused');
      return await passOn(system, claimed, { at, ...delivery });
  }
}

/**
 * The server has the mail. As long as we live and the mail is ours, a database that is away is asked again: if we stop here, the mail
 * is sent a second time.
 */
async function recordSent(system: SendNeeds, claimed: ClaimedMail, at: Date): Promise<void> {
  const giveUp = performance.now() + 2_000 * system.policies.notices.sender.deadlineSeconds;
  for (;;) {
    try {
      await settleMail(system.db.read, claimed, { state: 'sent', at });
      return;
    } catch (error) {
      if (!(error instanceof Outage) || performance.now() > giveUp) throw error;
      await sleep(RECORD_AGAIN_MS);
    }
  }
}

async function postpone(
  { db }: SendNeeds,
  claimed: ClaimedMail,
  { at, why }: { at: Date; why: string },
): Promise<void> {
  const pause = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** Math.min(claimed.attempt - 1, 10));
  await postponeMail(db.read, claimed, { nextAt: new Date(at.getTime() + pause), why });
}

type Refused = { readonly at: Date; readonly why: string; readonly address: boolean };

/**
 * This address does not take the mail: whoever comes next gets it, in the transaction that says so. If we stop before its commit, the
 * server is asked once more and refuses once more.
 */
async function passOn(system: SendNeeds, claimed: ClaimedMail, { at, why, address }: Refused): Promise<void> {
  const told = await toldBy(system, claimed);
  const unreached = await system.db.transaction(async (tx) => {
    await lockNotices(tx, told);
    if (!(await settleMail(tx, claimed, { state: 'refused', at, why }))) return [];
    if (address) await refuseAddress(tx, claimed.email, { at, why });
    return await tellOthers(tx, system, { told, at });
  });
  if (why !== 'contact_gone')
    await raiseAlarm(system, {
      kind: 'mail_refused',
      subject: claimed.contactId === null ? 'operators' : `contact ${claimed.contactId}`,
      detail: `the mail server refused the mail for good (${why})`,
    });
  for (const subject of unreached)
    await raiseAlarm(system, { kind: 'contact_missing', subject, detail: 'no address of its own works any more' });
}
