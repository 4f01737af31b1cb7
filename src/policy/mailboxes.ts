// What a mailbox must be to be certified as an rfc822Name: ASCII, in the one spelling that every mail server reads alike, under a
// domain of the public DNS. Proof that the orderer reads its mail is not made here.

import type { Finding } from '../errors.ts';
import { checkDomainName, lowerCase } from './domain-names.ts';

const LONGEST_LOCAL_PART = 64;
/** RFC 5321 §4.5.3.1.3 Path allows 256 octets, and the two angle brackets are among them. */
const LONGEST_MAILBOX = 254;

const SYNTAX = 'RFC 5321 §4.1.2 Command Argument Syntax';
const SIZE = 'RFC 5321 §4.5.3.1 Size Limits and Minimums';
const NAME = 'RFC 5280 §4.2.1.6 Subject Alternative Name';

type Parts = { readonly local: string; readonly domain: string };
type Rule = { readonly rule: string; readonly detail: string; readonly broken: (mailbox: Parts) => boolean };

/** Each stands on its own: a mailbox gets a finding for every rule that it breaks. */
const RULES: readonly Rule[] = [
  {
    rule: NAME,
    detail: 'a character outside ASCII before the @ (RFC 8398 has another kind of name for it)',
    broken: ({ local }) => /[^\x20-\x7e]/.test(local),
  },
  {
    rule: SYNTAX,
    detail: "a quoted local part, or a comment: only letters, digits and !#$%&'*+-/=?^_`{|}~ with dots between them",
    broken: ({ local }) => /[\x20-\x7e]/.test(local.replace(/[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]/g, '')),
  },
  {
    rule: SYNTAX,
    detail: 'the local part is empty, begins or ends with a dot, or has two dots in a row',
    broken: ({ local }) => local.split('.').includes(''),
  },
  {
    rule: SIZE,
    detail: `more than ${LONGEST_LOCAL_PART} characters before the @`,
    broken: ({ local }) => local.length > LONGEST_LOCAL_PART,
  },
  {
    rule: NAME,
    detail: 'the domain is not in lower case, and two spellings of one mailbox are not both certified',
    broken: ({ domain }) => domain !== lowerCase(domain),
  },
  { rule: NAME, detail: 'an address literal is no domain', broken: ({ domain }) => domain.startsWith('[') },
];

/**
 * Every rule that a mailbox breaks; `at` is its place in the request. The domain is held to the rules of DNS names;
 * `internalSuffixes` are names, without a dot before them, under which nothing is unique in the public DNS.
 */
export function checkMailbox(mailbox: string, at: string, internalSuffixes: readonly string[]): Finding[] {
  if (mailbox.length > LONGEST_MAILBOX) {
    return [{ rule: SIZE, at, detail: `the mailbox has more than ${LONGEST_MAILBOX} characters` }];
  }
  const middle = mailbox.lastIndexOf('@');
  if (middle === -1) return [{ rule: SYNTAX, at, detail: 'a mailbox has a local part, an @ and a domain' }];
  const parts = { local: mailbox.slice(0, middle), domain: mailbox.slice(middle + 1) };
  const found = RULES.filter(({ broken }) => broken(parts)).map(({ rule, detail }) => ({ rule, at, detail }));
  const literal = parts.domain.startsWith('[');
  return [...found, ...(literal ? [] : checkDomainName(lowerCase(parts.domain), at, internalSuffixes))];
}

/** The mailbox with its domain in lower case; the local part is its domain's affair and stays (RFC 5321 §2.4). */
export function foldMailbox(mailbox: string): string {
  const middle = mailbox.lastIndexOf('@');
  return mailbox.slice(0, middle + 1) + lowerCase(mailbox.slice(middle + 1));
}
