// The query of the certificate store (RFC 4387 §2 HTTP Certificate Store Interface), read from the request as it was sent: the one
// attribute that is searched for, and where a page begins. Attributes that nobody knows are passed over.

import { type Finding, Refusal } from '../../errors.ts';
import type { StoreQuestion } from '../../store/search.ts';
import { idOfCursor } from '../list-query.ts';

const HASHES = ['certHash', 'iHash', 'iAndSHash', 'sHash', 'sKIDHash'] as const;
const TEXTS = ['name', 'uri', 'email'] as const;
/** Where the next page begins. */
export const AFTER = 'x-after';
/** Whoever asks for these need not have met a certificate. */
const ENUMERATING: readonly string[] = ['iHash', ...TEXTS, AFTER];

type Pair = readonly [attribute: string, value: string];

/** Where a page is read on from, when it is not the first. */
export type StoreQuery = { readonly question: StoreQuestion; readonly after?: string };

const isOneOf = <Word extends string>(words: readonly Word[], word: string): word is Word =>
  (words as readonly string[]).includes(word);

/** Throws Refusal `body_malformed` where no attribute or several are searched for, or a value is not what its attribute takes. */
export function parseStoreQuery(target: string): StoreQuery {
  const pairs = pairsOf(target);
  const searched = pairs.filter(([attribute]) => isOneOf([...HASHES, ...TEXTS], attribute));
  const [pair, ...others] = searched;
  if (pair === undefined || others.length > 0)
    throw refusal('', `one of ${[...HASHES, ...TEXTS].join(', ')} is to be searched for`);
  const after = pairs.find(([attribute]) => attribute === AFTER);
  return { question: questionOf(pair), ...(after === undefined ? {} : { after: idOfCursor(after[1]) }) };
}

/** Whether somebody who asks so often enough has a copy of the store: by an issuer, by a guessed name, or page by page. */
export const enumerates = (target: string): boolean =>
  pairsOf(target).some(([attribute]) => ENUMERATING.includes(attribute));

/** What `parseStoreQuery` is for certificates, for the CRL store, which knows an issuer by its name or by its key. */
export function parseCrlQuery(target: string): { readonly by: 'iHash' | 'sKIDHash'; readonly key: Uint8Array } {
  const [pair, ...others] = pairsOf(target).filter(([attribute]) => isOneOf(['iHash', 'sKIDHash'], attribute));
  if (pair === undefined || others.length > 0) throw refusal('', 'one of iHash, sKIDHash is to be searched for');
  const [by, value] = pair;
  return { by: by === 'iHash' ? 'iHash' : 'sKIDHash', key: keyOf(by, value) };
}

const pairsOf = (target: string): readonly Pair[] =>
  (/\?([^#]*)/.exec(target)?.[1] ?? '').split('&').map((pair) => {
    const at = pair.indexOf('=');
    return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  });

function questionOf([attribute, value]: Pair): StoreQuestion {
  if (isOneOf(HASHES, attribute)) return { by: attribute, key: keyOf(attribute, value) };
  // §2.5.1: `email` is another word for `uri`
  return { by: attribute === 'name' ? 'name' : 'uri', text: textOf(attribute, value) };
}

/**
 * A search key: base64 of 20 octets without its padding, and nothing else (§2.1). A `+` stands for itself here, because senders leave it
 * as it is although the form encoding takes it for a space, which no key has.
 */
function keyOf(attribute: string, value: string): Uint8Array {
  const text = decoded(attribute, value);
  if (!/^[A-Za-z0-9+/]{27}$/.test(text))
    throw refusal(attribute, 'base64 of a SHA-1, 27 characters without padding, is expected');
  const key = Buffer.from(text, 'base64');
  if (key.toString('base64').slice(0, 27) !== text) throw refusal(attribute, 'the last character has bits of no octet');
  return key;
}

const LONGEST_TEXT = 320;

function textOf(attribute: string, value: string): string {
  const text = decoded(attribute, value.replaceAll('+', ' '));
  if (text === '' || text.length > LONGEST_TEXT || /\p{Cc}/u.test(text))
    throw refusal(attribute, `1 to ${LONGEST_TEXT} printable characters are expected`);
  return text;
}

function decoded(attribute: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw refusal(attribute, 'the percent-encoding is broken');
  }
}

function refusal(attribute: string, detail: string): Refusal {
  const finding: Finding = { rule: 'RFC 4387 §2 HTTP Certificate Store Interface', at: `query:/${attribute}`, detail };
  return new Refusal('body_malformed', 'the query is none of the certificate store', [finding]);
}
