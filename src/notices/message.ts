// The mail that says what a row asks for. Pure but for the files of its words.

import type { NoticePolicy } from '../policy/notices.ts';
import type { Profile } from '../policy/profile.ts';
import { formatCalendar } from './calendar.ts';
import type { Mail } from './mail.ts';
import { digestWords, type Language, type NoticeFacts, noticeWords, visible, type Words } from './templates.ts';

/** A certificate as a notice needs it. */
export type Ending = {
  readonly id: string;
  readonly profile: string;
  /** CA id */
  readonly issuer: string;
  readonly serial: Uint8Array;
  /** RFC 4514 text */
  readonly subject: string;
  readonly holder: Readonly<Record<string, unknown>>;
  readonly notAfter: Date;
};

/** With its text as HTML besides. */
type HtmlMail = Mail & Pick<Words, 'html'>;
type Envelope = { readonly messageId: string; readonly email: string; readonly language: Language };
type Policies = { readonly notices: NoticePolicy; readonly profiles: ReadonlyMap<string, Profile> };

/** RFC 5322 §3.6.4 Identification Fields: the same for every try and every recipient, different for each certificate and threshold. */
export const noticeMessageId = (
  certificateId: string,
  threshold: string,
  { from }: Pick<NoticePolicy, 'from'>,
): string => `<notice.${certificateId}.${threshold}@${domainOf(from.address)}>`;

/** The same for every try, different for each address and day; `contactId` stands for the address. */
export const digestMessageId = (contactId: string, day: string, { from }: Pick<NoticePolicy, 'from'>): string =>
  `<digest.${contactId}.${day}@${domainOf(from.address)}>`;

/** Of its own, so that no mail system takes the real notice for one that it has had. */
export const rehearsalMessageId = (unique: string, { from }: Pick<NoticePolicy, 'from'>): string =>
  `<rehearsal.${unique}@${domainOf(from.address)}>`;

/** What stands after the @ of an address, and in the Message-IDs of all that comes from it. */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

/** One certificate's notice, with its end for the reader's calendar. */
export function noticeMail(envelope: Envelope, ending: Ending, policies: Policies): HtmlMail {
  const { language } = envelope;
  const words = noticeWords(language, factsOf(ending, language, policies), policies.notices.renewal);
  const calendar = formatCalendar({
    uid: `${ending.id}@${domainOf(policies.notices.from.address)}`,
    at: ending.notAfter,
    // of no interest to a reader, and the same in every try
    writtenAt: ending.notAfter,
    summary: words.subject,
    description: words.text,
  });
  return { ...headed(envelope, words), calendar };
}

/** Several certificates' notices in one mail, the first to end first. */
export function digestMail(envelope: Envelope, endings: readonly Ending[], policies: Policies): HtmlMail {
  const facts = endings
    .toSorted((one, other) => one.notAfter.getTime() - other.notAfter.getTime())
    .map((ending) => factsOf(ending, envelope.language, policies));
  return headed(envelope, digestWords(envelope.language, facts, policies.notices.renewal));
}

const headed = ({ messageId, email }: Envelope, words: Words): HtmlMail => ({ messageId, to: email, ...words });

function factsOf(ending: Ending, language: Language, { profiles, notices }: Policies): NoticeFacts {
  const { holder, profile, subject, serial, issuer, notAfter } = ending;
  const formats = formatsOf(language, notices.zone);
  return {
    holder: nameOf(holder),
    profile: profiles.get(profile)?.title[language] ?? profile,
    name: commonNameOf(subject),
    serial: Buffer.from(serial).toString('hex'),
    issuer,
    end: formats.end.format(notAfter),
    endDay: formats.endDay.format(notAfter),
  };
}

type Formats = { readonly end: Intl.DateTimeFormat; readonly endDay: Intl.DateTimeFormat };

/** Kept, because making them takes longer than all the rest of a mail's words: one for each language and the policy's zone. */
const kept = new Map<string, Formats>();

function formatsOf(language: Language, timeZone: string): Formats {
  const key = `${language} ${timeZone}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const locale = language === 'fr' ? 'fr-FR' : 'en-GB';
  const formats = {
    end: new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'full', timeStyle: 'short' }),
    endDay: new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'long' }),
  };
  kept.set(key, formats);
  return formats;
}

/** The structure's name, or the person's. */
function nameOf(holder: Readonly<Record<string, unknown>>): string {
  const { name, givenName, familyName } = holder;
  if (typeof name === 'string') return name;
  return [givenName, familyName].filter((part) => typeof part === 'string').join(' ') || '—';
}

/** What stands after the first CN of an RFC 4514 text, without its escapes; the whole where there is none. */
function commonNameOf(subject: string): string {
  const found = /(?:^|[,+])CN=((?:\\.|[^,+\\])*)/.exec(subject)?.[1];
  return visible((found ?? subject).replaceAll(/\\([^0-9a-fA-F])/g, '$1'));
}
