// The subjectAltName of a request: DNS names and mailboxes as they stand, every other kind of name by its kind alone.
import type { CsrFault } from './csr-fault.ts';
import { type DerElement, DerError, readDer, TAG } from './der.ts';
import { checkText } from './text.ts';

/** The choices of GeneralName by tag (RFC 5280 §4.2.1.6 Subject Alternative Name). */
const KINDS: ReadonlyMap<number, string> = new Map([
  [0xa0, 'otherName'],
  [0x81, 'rfc822Name'],
  [0x82, 'dNSName'],
  [0xa3, 'x400Address'],
  [0xa4, 'directoryName'],
  [0xa5, 'ediPartyName'],
  [0x86, 'uniformResourceIdentifier'],
  [0x87, 'iPAddress'],
  [0x88, 'registeredID'],
]);
const RFC822_NAME = 0x81;
const DNS_NAME = 0x82;
const TEXT_TAGS: readonly number[] = [RFC822_NAME, DNS_NAME, 0x86];

export type AlternativeNames = {
  /** in the order of the request, upper and lower case as written; not yet checked to be domain names */
  readonly dnsNames: readonly string[];
  /** rfc822Names in the order of the request, as written; not yet checked to be mailboxes */
  readonly emailAddresses: readonly string[];
  /** the kinds of the names that are neither, as RFC 5280 calls them */
  readonly otherNames: readonly string[];
};

/**
 * Reads the DER inside the extnValue of a subjectAltName; `at` begins the findings' places. Hostile characters in a name are
 * findings (`name_not_allowed`). Throws DerError where the value is not GeneralNames.
 */
export function readAlternativeNames(
  value: Uint8Array,
  at: string,
): AlternativeNames & { faults: readonly CsrFault[] } {
  const list = readDer(value);
  if (list.tag !== TAG.SEQUENCE || list.children.length === 0) {
    throw new DerError('GeneralNames is a SEQUENCE that is not empty', list.offset);
  }
  const names = list.children.map(readGeneralName);
  return {
    dnsNames: names.flatMap(({ tag, text }) => (tag === DNS_NAME ? [text] : [])),
    emailAddresses: names.flatMap(({ tag, text }) => (tag === RFC822_NAME ? [text] : [])),
    otherNames: names.flatMap(({ tag, kind }) => (tag === DNS_NAME || tag === RFC822_NAME ? [] : [kind])),
    faults: names.flatMap(({ tag, text }, index) =>
      TEXT_TAGS.includes(tag) ? checkName(tag, text, `${at}.${index}`) : [],
    ),
  };
}

function readGeneralName({ tag, content, offset }: DerElement): { tag: number; kind: string; text: string } {
  const kind = KINDS.get(tag);
  if (kind === undefined) throw new DerError('a GeneralName was expected', offset);
  return { tag, kind, text: Buffer.from(content).toString('latin1') };
}

/** The bound of mail addresses and URIs only keeps the work small. */
const BOUNDS = { dns: { max: 253, rule: 'RFC 1035 §2.3.4 Size limits' }, other: { max: 2_048 } };

function checkName(tag: number, text: string, at: string): CsrFault[] {
  const findings = checkText(text, { ...(tag === DNS_NAME ? BOUNDS.dns : BOUNDS.other), at });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: IA5 is exactly this range
  if (!/^[\x00-\x7f]*$/.test(text)) {
    const detail = 'a character outside ASCII';
    findings.push({
      rule: 'RFC 5280 §4.2.1.6 Subject Alternative Name',
      at,
      detail,
      remedy: 'write the A-label, xn--…',
    });
  }
  return findings.map((finding) => ({ code: 'name_not_allowed', finding }));
}
