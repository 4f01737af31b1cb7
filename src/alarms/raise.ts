// What needs a person, as rows: an alarm is open from the first time that something was found wrong until it is found right. Every
// other room may raise one, and this room knows none of them.

import { endAlarm, recordAlarm } from '#db/alarms.ts';
import type { Needs } from '../system.ts';

/** Everything that can be wrong; docs/operations.md says of each what it means and what to do. */
export const ALARM_KINDS = [
  // the worker itself
  'job_failed',
  'worker_lost',
  // what relying parties see
  'list_stale',
  'list_unverifiable',
  'list_went_back',
  'authority_file_wrong',
  'ocsp_wrong',
  // the directory
  'directory_behind',
  'directory_wrong',
  // notices
  'notices_missing',
  'contact_missing',
  'mail_refused',
  'mail_away',
  // webhooks
  'webhook_given_up',
  'webhook_gone',
] as const;

export type AlarmKind = (typeof ALARM_KINDS)[number];

/** `subject` is an identifier of ours, `detail` words without personal data, cut at 1,000 characters. */
export type NewAlarm = { readonly kind: AlarmKind; readonly subject: string; readonly detail: string };

type AlarmNeeds = Needs<'db' | 'log' | 'clock'>;

/**
 * Raises an alarm. One that is open is only renewed; a new one is a line in the log, after its row is committed: if we stop
 * between the two, the channels tell it all the same. Outage when the database or the clock is away.
 */
export async function raiseAlarm({ db, log, clock }: AlarmNeeds, { kind, subject, detail }: NewAlarm): Promise<void> {
  const row = { kind, subject: subject.slice(0, 256), detail: detail.slice(0, 1_000), at: clock() };
  if (await recordAlarm(db.read, row))
    log.error({ alarm: kind, about: row.subject, detail: row.detail }, 'an alarm was raised');
}

/** Clears an alarm that is open; when none is, nothing happens. Outage when the database or the clock is away. */
export async function clearAlarm(
  { db, log, clock }: AlarmNeeds,
  { kind, subject }: Pick<NewAlarm, 'kind' | 'subject'>,
): Promise<void> {
  const place = { kind, subject: subject.slice(0, 256) };
  if (await endAlarm(db.read, place, clock())) log.info({ alarm: kind, about: place.subject }, 'an alarm is over');
}
