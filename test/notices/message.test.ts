import { describe, expect, it } from 'vitest';
import { formatCalendar } from '../../src/notices/calendar.ts';
import { digestMail, type Ending, noticeMail, noticeMessageId } from '../../src/notices/message.ts';
import { policies } from '../policy/policies.ts';

const ENVELOPE = { messageId: '<a@b>', email: 'dsi@hopital.example.fr', language: 'fr' } as const;
const ENDING: Ending = {
  id: '018f0000-0000-7000-8000-000000000000',
  profile: 'serv-ssl',
  issuer: 'ACI-EL-ORG-TEST',
  serial: Uint8Array.of(0x42, 0x0f),
  subject: 'CN=www.hopital-generique.fr,OU=10B0057881,O=HOPITAL GENERIQUE TEST,C=FR',
  holder: { kind: 'structure', name: 'HOPITAL GENERIQUE TEST' },
  notAfter: new Date('2027-07-01T21:30:00Z'),
};
const mail = (change: Partial<Ending> = {}, language: 'fr' | 'en' = 'fr') =>
  noticeMail({ ...ENVELOPE, language }, { ...ENDING, ...change }, policies);

describe('a notice', () => {
  it.each([
    [
      'fr',
      'Certificat à renouveler avant le 1 juillet 2027 : www.hopital-generique.fr',
      'jeudi 1 juillet 2027',
      'nouvelle clé',
    ],
    ['en', 'Certificate to renew before 1 July 2027: www.hopital-generique.fr', '1 July 2027', 'new key'],
  ] as const)(
    'says in %s who, what, when in Paris and how to renew, in text and in HTML',
    (language, subject, end, how) => {
      const { text, html, ...rest } = mail({}, language);
      expect(rest.subject).toBe(subject);
      const title = policies.profiles.get('serv-ssl')?.title[language] ?? '?';
      for (const said of [text, html])
        for (const fact of [
          'HOPITAL GENERIQUE TEST',
          title,
          '420f',
          'ACI-EL-ORG-TEST',
          end,
          '23:30',
          how,
          policies.notices.renewal,
        ])
          expect(said.replaceAll('&#39;', "'")).toContain(fact);
    },
  );

  it('names a person by both names', () => {
    expect(mail({ holder: { kind: 'professional', givenName: 'Zoé', familyName: 'LŒUIL' } }).text).toContain(
      'Zoé LŒUIL',
    );
  });

  it('has one Message-ID for each certificate and threshold', () => {
    expect(noticeMessageId(ENDING.id, '2m', policies.notices)).toBe(
      '<notice.018f0000-0000-7000-8000-000000000000.2m@igc-sante.example.fr>',
    );
  });

  it.each([
    ['HTML', 'CN=<script>alert(1)</script>,C=FR', 'a name of <b>tags</b> & "quotes"'],
    ['a second header', 'CN=a\r\nBcc: b@example.fr,C=FR', 'a\r\nBcc: b@example.fr'],
    ['ANSI', 'CN=\u001b[31mred,C=FR', '\u001b]0;title\u0007'],
    ['SQL and LDAP', "CN='; drop table certificate; --\\,cn=*)(uid=*,C=FR", "Robert'); --"],
    ['a template', 'CN=<%= it.renewal %>,C=FR', '<%= 7 * 7 %>'],
    ['a turned direction', 'CN=abc\u202efdp.exe,C=FR', '\u2066x\u2069'],
  ])('shows %s in a name as what it is, everywhere', (_, subject, name) => {
    const said = mail({ subject, holder: { kind: 'structure', name } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    const moving = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
    expect(said.subject).not.toMatch(/[\r\n]/);
    for (const part of [said.subject, said.text, said.html]) expect(part).not.toMatch(moving);
    expect(said.html).not.toMatch(/<script|<b>tags|<%/);
    expect(said.text.split('\n').filter((line) => line.startsWith('Bcc'))).toEqual([]);
    for (const line of (said.calendar ?? '').split('\r\n')) expect(line).not.toMatch(moving);
    expect((said.calendar ?? '').split('\r\n').filter((line) => line.startsWith('Bcc'))).toEqual([]);
  });
});

describe('the entry for a calendar', () => {
  const text = (): string => mail().calendar ?? '';

  it('is at the end of the certificate, under the same id in every mail', () => {
    expect(text()).toContain('\r\nDTSTART:20270701T213000Z\r\n');
    expect(text()).toContain(`\r\nUID:${ENDING.id}@igc-sante.example.fr\r\n`);
    expect(text()).toMatch(/^BEGIN:VCALENDAR\r\nVERSION:2\.0\r\n[\s\S]*END:VCALENDAR\r\n$/);
  });

  it('has lines of 75 octets at most, none of which ends within a character', () => {
    const summary = `${'é'.repeat(100)}${'😀'.repeat(40)}`;
    const folded = formatCalendar({
      uid: 'u',
      at: ENDING.notAfter,
      writtenAt: ENDING.notAfter,
      summary,
      description: 'd',
    });
    for (const line of folded.split('\r\n')) {
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
      expect(line).not.toMatch(/\p{Cs}/u);
    }
    expect(folded.replaceAll('\r\n ', '')).toContain(`SUMMARY:${summary}\r\n`);
  });

  it('escapes what separates values and lines', () => {
    const folded = formatCalendar({
      ...{ uid: 'u', at: ENDING.notAfter, writtenAt: ENDING.notAfter },
      summary: 'a,b;c\\d',
      description: 'one\r\ntwo\nEND:VEVENT',
    });
    expect(folded).toContain('SUMMARY:a\\,b\\;c\\\\d\r\n');
    expect(folded).toContain('DESCRIPTION:one\\ntwo\\nEND:VEVENT\r\n');
  });
});

it.each(['fr', 'en'] as const)('a digest in %s has a line for each certificate, the first to end first', (language) => {
  const later = {
    ...ENDING,
    serial: Uint8Array.of(0x43),
    notAfter: new Date('2027-07-09T10:00:00Z'),
    subject: 'CN=<i>later</i>',
  };
  const { subject, text, html } = digestMail({ ...ENVELOPE, language }, [later, ENDING], policies);
  expect(subject).toMatch(/^2 certificat/);
  expect(text.indexOf('420f')).toBeLessThan(text.indexOf('serial number 43') + text.indexOf('numéro de série 43') + 1);
  expect(html).toContain('&lt;i&gt;later&lt;/i&gt;');
  expect(html.match(/<tr>/g)).toHaveLength(3);
});
