// Content negotiation: which of our representations, and which of our languages, a caller prefers.
// RFC 9110 §12.5.1 Accept, §12.5.4 Accept-Language

type Preference = {
  readonly range: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
};

/** A representation that we can give: its media type, with its parameters behind semicolons as they stand in Content-Type. */
type Offer = string;

const PARAMETER = /^([!#$%&'*+.^_`|~0-9a-z-]+)=("(?:[^"\\]|\\.)*"|[!#$%&'*+.^_`|~0-9a-z-]+)$/i;
const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** A longer field says nothing: no client has so much to say, and everyone else would wait while it is read. */
const LONGEST_FIELD = 500;

/** Splits at a separator that does not stand inside a quoted string, in one pass. */
function split(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim()).filter((part) => part !== '');
}

function readParameters(parts: readonly string[]): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const [, name, value] = PARAMETER.exec(part) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const plain = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
    parameters.set(name.toLowerCase(), plain.toLowerCase());
  }
  return parameters;
}

/** The elements of an Accept or Accept-Language field; an element that cannot be read says nothing. */
function readPreferences(header: string): Preference[] {
  if (header.length > LONGEST_FIELD) return [];
  return split(header, ',').flatMap((element) => {
    const [range, ...rest] = split(element, ';');
    const parameters = readParameters(rest);
    const weight = parameters?.get('q') ?? '1';
    if (range === undefined || parameters === undefined || !QUALITY.test(weight)) return [];
    parameters.delete('q');
    return [{ range: range.toLowerCase(), parameters, quality: Number(weight) }];
  });
}

/** How exactly a media range names the offer: 0 not at all, 1 by anything, 2 by type, 3 by subtype, more by parameters. */
function mediaSpecificity(preference: Preference, offer: Offer): number {
  const [type = '', ...rest] = split(offer, ';');
  const [main] = type.split('/');
  const parameters = readParameters(rest);
  for (const [name, value] of preference.parameters) if (parameters?.get(name) !== value) return 0;
  if (preference.range === type) return 3 + preference.parameters.size;
  if (preference.range === `${main}/*`) return 2;
  return preference.range === '*/*' ? 1 : 0;
}

/** The basic filtering of RFC 4647 §3.3.1: `fr` and `fr-CH` both name French. */
function languageSpecificity(preference: Preference, offer: Offer): number {
  if (preference.range === offer || preference.range.startsWith(`${offer}-`)) return 2;
  return preference.range === '*' ? 1 : 0;
}

function best<T extends Offer>(
  preferences: readonly Preference[],
  offers: readonly T[],
  specificity: (preference: Preference, offer: Offer) => number,
): T | undefined {
  let chosen: T | undefined;
  let highest = 0;
  for (const offer of offers) {
    let quality = 0;
    let closest = 0;
    for (const preference of preferences) {
      const close = specificity(preference, offer);
      if (close > closest) [closest, quality] = [close, preference.quality];
    }
    if (quality > highest) [highest, chosen] = [quality, offer];
  }
  return chosen;
}

/** The offer that the Accept field prefers, the first one without a field; undefined when none is acceptable. */
export function preferredMediaType<T extends Offer>(
  accept: string | undefined,
  offers: readonly [T, ...T[]],
): T | undefined {
  if (accept === undefined || accept.trim() === '' || accept.length > LONGEST_FIELD) return offers[0];
  return best(readPreferences(accept), offers, mediaSpecificity);
}

export type Language = 'fr' | 'en';

/** French, unless the Accept-Language field prefers English. */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  const languages: readonly Language[] = ['fr', 'en'];
  return best(readPreferences(acceptLanguage ?? ''), languages, languageSpecificity) ?? 'fr';
}
