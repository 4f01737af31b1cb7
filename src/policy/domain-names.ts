// What a DNS name must be to be certified: a fully qualified name of letters, digits and hyphens that only one party can hold
// in the public DNS. Proof that the orderer controls it is not made here.

import { domainToASCII, domainToUnicode } from 'node:url';
import topLevelDomains from 'tlds' with { type: 'json' };
import type { Finding } from '../errors.ts';

/** IANA's list, as A-labels: under anything else a name belongs to nobody, or to the neighbour too. */
const TOP_LEVEL = new Set(topLevelDomains.map((domain) => domainToASCII(domain)));

const LONGEST_LABEL = 63;
const LONGEST_NAME = 253;

const SYNTAX = 'RFC 1034 §3.5 Preferred name syntax';
const SIZE = 'RFC 1034 §3.1 Name space specifications and terminology';
const SAN = 'RFC 5280 §4.2.1.6 Subject Alternative Name';
const INTERNAL = 'CA/Browser Forum BR §1.6.1 Definitions: Internal Name';
const IDNA = 'RFC 5890 §2.3.2.1 IDNA-valid strings, A-label, and U-label';

type Name = { readonly text: string; readonly labels: readonly string[] };
type Rule = {
  readonly rule: string;
  readonly detail: string;
  readonly broken: (name: Name) => boolean;
  readonly remedy?: (name: Name) => string | undefined;
};

/** Each stands on its own: a name gets a finding for every rule that it breaks. */
const RULES: readonly Rule[] = [
  {
    rule: SAN,
    detail: 'a wildcard: every host is named',
    broken: ({ text }) => text.includes('*'),
  },
  {
    rule: SAN,
    detail: 'the name ends with a dot',
    broken: ({ text }) => text.endsWith('.'),
    remedy: () => 'leave the last dot out',
  },
  { rule: SYNTAX, detail: 'an underscore is no character of a host name', broken: ({ text }) => text.includes('_') },
  {
    rule: IDNA,
    detail: 'a character outside ASCII, or a space',
    broken: ({ text }) => /[^\x21-\x7e]/.test(text),
    remedy: ({ text }) => aLabels(text),
  },
  {
    rule: SYNTAX,
    detail: 'a host name has letters, digits, hyphens and dots only',
    broken: ({ text }) => /[\x21-\x7e]/.test(text.replace(/[a-z0-9.*_:-]/g, '')),
  },
  {
    rule: SAN,
    detail: 'an IP address is no DNS name',
    // a last label that is a number makes the whole an address (WHATWG URL §3.5 Host parsing)
    broken: ({ text, labels }) => text.includes(':') || /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? ''),
  },
  { rule: SAN, detail: 'a bare label is not fully qualified', broken: ({ labels }) => labels.length < 2 },
  { rule: SIZE, detail: 'a label is empty', broken: ({ labels }) => labels.includes('') },
  {
    rule: SIZE,
    detail: `a label has more than ${LONGEST_LABEL} characters`,
    broken: ({ labels }) => labels.some((label) => label.length > LONGEST_LABEL),
  },
  {
    rule: SYNTAX,
    detail: 'a label begins or ends with a hyphen',
    broken: ({ labels }) => labels.some((label) => label.startsWith('-') || label.endsWith('-')),
  },
  {
    rule: IDNA,
    detail: 'hyphens in third and fourth place of a label that is no valid A-label',
    broken: ({ labels }) => labels.some((label) => label.slice(2, 4) === '--' && !isALabel(label)),
  },
];

/**
 * Every rule that a DNS name breaks; `name` is in lower case, `at` its place in the request. `internalSuffixes` are names, without
 * a dot before them, under which nothing is unique in the public DNS. A name beyond 253 characters is not looked into.
 */
export function checkDomainName(name: string, at: string, internalSuffixes: readonly string[]): Finding[] {
  if (name.length > LONGEST_NAME) {
    return [{ rule: SIZE, at, detail: `the name has more than ${LONGEST_NAME} characters` }];
  }
  const split = { text: name, labels: name.replace(/\.$/, '').split('.') };
  const found: Finding[] = RULES.filter(({ broken }) => broken(split)).map(({ rule, detail, remedy }) => {
    const advice = remedy?.(split);
    return advice === undefined ? { rule, at, detail } : { rule, at, detail, remedy: advice };
  });
  const bare = split.labels.join('.');
  const internal = (detail: string): Finding => ({ rule: INTERNAL, at, detail });
  if (internalSuffixes.some((suffix) => bare === suffix || bare.endsWith(`.${suffix}`))) {
    found.push(internal('a name of private networks'));
  }
  // Only of a name that is one at all: what else is wrong says more than an unknown last label.
  if (found.length === 0 && !TOP_LEVEL.has(split.labels.at(-1) ?? '')) {
    found.push(internal('the last label is no top-level domain of the public DNS'));
  }
  return found;
}

function aLabels(text: string): string | undefined {
  const ascii = domainToASCII(text);
  return /^[a-z0-9.-]+$/.test(ascii) ? `write ${ascii}` : undefined;
}

/** RFC 5891 §4.4: an A-label is what its own U-label encodes to. */
function isALabel(label: string): boolean {
  const unicode = label.startsWith('xn--') ? domainToUnicode(label) : '';
  return unicode !== '' && unicode !== label && domainToASCII(unicode) === label;
}

/** A DNS name in lower case; only A to Z change, so that no other character turns into one of ASCII (U+212A would become k). */
export const lowerCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
