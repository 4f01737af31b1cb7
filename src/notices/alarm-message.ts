// The mail that says what needs a person, or that it is over. It says what the alarm's row says: identifiers of ours, and nobody's name.

import { createHash } from 'node:crypto';
import type { UndeliveredAlarm } from '#db/alarms.ts';
import type { AlarmKind } from '../alarms/raise.ts';
import type { NoticePolicy } from '../policy/notices.ts';
import type { Mail } from './mail.ts';
import { domainOf } from './message.ts';
import { alarmWords, type Language } from './templates.ts';

const TITLES: Readonly<Record<AlarmKind, Readonly<Record<Language, string>>>> = {
  job_failed: { fr: 'une tâche a échoué pour de bon', en: 'a job failed for good' },
  worker_lost: { fr: 'un worker s’est arrêté sans prévenir', en: 'a worker ended without a word' },
  list_stale: { fr: 'une liste de révocation vieillit', en: 'a revocation list is growing old' },
  list_unverifiable: { fr: 'une liste de révocation est illisible', en: 'a revocation list cannot be verified' },
  list_went_back: { fr: 'une ancienne liste de révocation est servie', en: 'an old revocation list is served' },
  authority_file_wrong: { fr: 'un certificat d’autorité servi est faux', en: 'a wrong CA certificate is served' },
  ocsp_wrong: { fr: 'OCSP ne répond pas, ou mal', en: 'OCSP does not answer, or wrongly' },
  directory_behind: { fr: 'l’annuaire est en retard', en: 'the directory is behind' },
  directory_wrong: { fr: 'l’annuaire diffère de la base', en: 'the directory differs from the database' },
  notices_missing: { fr: 'des avis d’échéance manquent', en: 'notices of an end are missing' },
  contact_missing: { fr: 'personne à prévenir d’une échéance', en: 'nobody can be warned of an end' },
  mail_refused: { fr: 'une adresse est refusée', en: 'an address is refused' },
  mail_away: { fr: 'le serveur de messagerie ne prend rien', en: 'the mail server takes nothing' },
  webhook_given_up: { fr: 'un webhook n’a pas pris des événements', en: 'a webhook never took some events' },
  webhook_gone: { fr: 'un webhook ne veut plus rien recevoir', en: 'a webhook wants nothing any more' },
};
const isKnown = (kind: string): kind is AlarmKind => kind in TITLES;

type Told = Pick<UndeliveredAlarm, 'id' | 'event' | 'kind' | 'subject' | 'detail' | 'raisedAt' | 'clearedAt'>;
type Policy = Pick<NoticePolicy, 'from' | 'zone'>;

/** One event, or several in one mail, for one recipient: the same Message-ID at each try and for each recipient. */
export function alarmMail(
  alarms: readonly Told[],
  { address, language }: { readonly address: string; readonly language: Language },
  policy: Policy,
): Mail {
  const format = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    ...{ timeZone: policy.zone, dateStyle: 'short', timeStyle: 'long' },
  });
  const facts = alarms.map(({ event, kind, subject, detail, raisedAt, clearedAt }) => ({
    ...{ event, kind, about: subject, detail },
    title: isKnown(kind) ? TITLES[kind][language] : kind,
    at: format.format(event === 'cleared' ? clearedAt : raisedAt),
  }));
  return { messageId: messageIdOf(alarms, policy), to: address, ...alarmWords(language, facts) };
}

/** Of one event its number and what it is; of several a digest of all of these. */
function messageIdOf(alarms: readonly Told[], { from }: Policy): string {
  const names = alarms.map(({ id, event }) => `${id}.${event}`).sort();
  const name = names.length === 1 ? names[0] : createHash('sha256').update(names.join()).digest('hex').slice(0, 32);
  return `<alarm.${name}@${domainOf(from.address)}>`;
}
