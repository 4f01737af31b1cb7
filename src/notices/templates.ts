// The words of a mail, from one file for each language and part: the only door to eta. What is put in comes from names that somebody
// chose, so it is one line of visible characters everywhere, and escaped besides in HTML.

import { join } from 'node:path';
import { Eta } from 'eta';

export type Words = { readonly subject: string; readonly text: string; readonly html: string };
export type Language = 'fr' | 'en';

/** What a notice says of one certificate, ready to be read. */
export type NoticeFacts = {
  readonly holder: string;
  /** title of the profile */
  readonly profile: string;
  readonly name: string;
  readonly serial: string;
  readonly issuer: string;
  /** date and time, and the date alone, in the zone of the policy */
  readonly end: string;
  readonly endDay: string;
};

const views = join(import.meta.dirname, 'templates');
const plain = new Eta({ views, cache: true, autoEscape: false, autoTrim: false });
const html = new Eta({ views, cache: true, autoEscape: true, autoTrim: false });

/** One certificate's notice; `renewal` is the address of the page that says how to renew. */
export const noticeWords = (language: Language, facts: NoticeFacts, renewal: string): Words =>
  render(language, '', { ...visibleFacts(facts), renewal });

/** Several certificates' notices in one. */
export const digestWords = (language: Language, notices: readonly NoticeFacts[], renewal: string): Words =>
  render(language, 'digest-', { notices: notices.map(visibleFacts), renewal });

/** What a mail says of one event of an alarm, ready to be read. */
export type AlarmFacts = {
  readonly event: 'raised' | 'cleared';
  /** what its kind means */
  readonly title: string;
  readonly kind: string;
  readonly about: string;
  readonly detail: string;
  /** date and time, in the zone of the policy */
  readonly at: string;
};

/** One event of an alarm, or several, without HTML: what reads them may be a telephone. */
export function alarmWords(language: Language, alarms: readonly AlarmFacts[]): Pick<Words, 'subject' | 'text'> {
  const facts = {
    alarms: alarms.map((alarm) => ({ ...alarm, about: visible(alarm.about), detail: visible(alarm.detail) })),
  };
  return {
    subject: plain.render(`${language}/alarm-subject`, facts).trim(),
    text: plain.render(`${language}/alarm-text`, facts),
  };
}

function render(language: Language, kind: '' | 'digest-', facts: object): Words {
  return {
    subject: plain.render(`${language}/${kind}subject`, facts).trim(),
    text: plain.render(`${language}/${kind}text`, facts),
    html: html.render(`${language}/${kind}html`, facts),
  };
}

const visibleFacts = (facts: NoticeFacts): NoticeFacts => ({
  holder: visible(facts.holder),
  profile: visible(facts.profile),
  name: visible(facts.name),
  serial: visible(facts.serial),
  issuer: visible(facts.issuer),
  end: visible(facts.end),
  endDay: visible(facts.endDay),
});

/**
 * The same text on one line, in which whatever would move a cursor, turn the direction of reading or end a header is shown by its
 * number: `\u{1b}`.
 */
export const visible = (text: string): string =>
  text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
