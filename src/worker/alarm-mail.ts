// The loop that mails alarms: none without SMTP_URL, and none where the policy names nobody.

import type { UndeliveredAlarm } from '#db/alarms.ts';
import { type AlarmMailer, mailAlarms } from '../alarms/deliver-mail.ts';
import { Outage } from '../errors.ts';
import { type Loop, startLoop } from '../loop.ts';
import { alarmMail } from '../notices/alarm-message.ts';
import type { Mailer } from '../notices/mail.ts';
import { createPatience } from '../patience.ts';
import type { NoticePolicy } from '../policy/notices.ts';
import type { System } from '../system.ts';

/** How soon an alarm is told. */
const TELL_MS = 2_000;

/** Starts it; `holder` differs between processes. */
export function startAlarmMails(system: System, mailer: Mailer | undefined, holder: string): readonly Loop[] {
  const { notices } = system.policies;
  const alarmMailer = mailer && alarmMailerOf(mailer, notices);
  if (alarmMailer === undefined) return [];
  const mailing = { mailer: alarmMailer, holder, patience: createPatience() };
  return [startLoop('mails of alarms', TELL_MS, () => mailAlarms(system, mailing), system.log)];
}

/** What mails alarms as a policy says; undefined where it names nobody. */
export function alarmMailerOf(mailer: Mailer, policy: NoticePolicy): AlarmMailer | undefined {
  const { alarms, sender } = policy;
  if (alarms === undefined) return undefined;
  return {
    perHour: alarms.perHour,
    deadlineMs: 1_000 * sender.deadlineSeconds,
    async send(events: readonly UndeliveredAlarm[]) {
      try {
        const mails = alarms.recipients.map((recipient) => alarmMail(events, recipient, policy));
        const deliveries = await Promise.all(mails.map((mail) => mailer.send(mail)));
        // Whoever is refused for good has no address any more; whoever may be tried again is, and the others get it twice, under one id.
        if (deliveries.some(({ kind }) => kind === 'later')) return 'refused';
        return deliveries.some(({ kind }) => kind === 'sent') ? 'told' : 'refused';
      } catch (error) {
        if (error instanceof Outage && error.what === 'mail') return 'away';
        throw error;
      }
    },
  };
}
