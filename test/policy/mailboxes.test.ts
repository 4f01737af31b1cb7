import { describe, expect, it } from 'vitest';
import { checkMailbox, foldMailbox } from '../../src/policy/mailboxes.ts';

const details = (mailbox: string) =>
  checkMailbox(mailbox, '/at', ['internal', 'home.arpa']).map(({ detail }) => detail);

describe('a mailbox', () => {
  it.each([
    'accueil@exemple.fr',
    'Anne.Le-Guennec+mss@chd.mssante.fr',
    "o'neill@exemple.fr",
    '_!#$%&*/=?^`{|}~@exemple.fr',
    `${'a'.repeat(64)}@exemple.fr`,
    '0@xn--hpital-xxa.fr',
  ])('may be %s', (mailbox) => expect(details(mailbox)).toEqual([]));

  it.each<[mailbox: string, detail: string]>([
    ['', 'a mailbox has a local part, an @ and a domain'],
    ['exemple.fr', 'a mailbox has a local part, an @ and a domain'],
    ['@exemple.fr', 'the local part is empty, begins or ends with a dot, or has two dots in a row'],
    ['.a@exemple.fr', 'the local part is empty, begins or ends with a dot, or has two dots in a row'],
    ['a.@exemple.fr', 'the local part is empty, begins or ends with a dot, or has two dots in a row'],
    ['a..b@exemple.fr', 'the local part is empty, begins or ends with a dot, or has two dots in a row'],
    ['"a b"@exemple.fr', 'a quoted local part, or a comment'],
    ['a@b@exemple.fr', 'a quoted local part, or a comment'],
    ['a b@exemple.fr', 'a quoted local part, or a comment'],
    ['<a@exemple.fr', 'a quoted local part, or a comment'],
    ['a(b)@exemple.fr', 'a quoted local part, or a comment'],
    ['a,b@exemple.fr', 'a quoted local part, or a comment'],
    ['rené@exemple.fr', 'a character outside ASCII before the @'],
    ['a\u0000@exemple.fr', 'a character outside ASCII before the @'],
    ['a\r\nBcc:b@exemple.fr', 'a character outside ASCII before the @'],
    [`${'a'.repeat(65)}@exemple.fr`, 'more than 64 characters before the @'],
    [`a@${'b.'.repeat(126)}fr`, 'the mailbox has more than 254 characters'],
    ['a@Exemple.fr', 'the domain is not in lower case'],
    ['a@[192.0.2.1]', 'an address literal is no domain'],
    ['a@192.0.2.1', 'an IP address is no DNS name'],
    ['a@exemple', 'a bare label is not fully qualified'],
    ['a@exemple.fr.', 'the name ends with a dot'],
    ['a@exemple.fr>', 'a host name has letters, digits, hyphens and dots only'],
    ['a@hôpital.fr', 'a character outside ASCII, or a space'],
    ['a@mail.internal', 'a name of private networks'],
    ['a@box.home.arpa', 'a name of private networks'],
    ['a@serveur.local', 'the last label is no top-level domain of the public DNS'],
  ])('may not be %j', (mailbox, detail) => {
    expect(details(mailbox)).toContainEqual(expect.stringContaining(detail));
  });

  it('is told every fault at once, and none repeats what was sent', () => {
    const findings = checkMailbox('"Durand"..@Durand.internal', '/holder/email', ['internal']);
    expect(findings.map(({ at }) => at)).toEqual(Array(4).fill('/holder/email'));
    expect(JSON.stringify(findings)).not.toMatch(/durand/i);
  });

  it('keeps its local part when its domain is written in lower case', () => {
    expect(foldMailbox('Anne.DURAND@Exemple.FR')).toBe('Anne.DURAND@exemple.fr');
    expect(foldMailbox('EXEMPLE.FR')).toBe('exemple.fr');
  });
});
