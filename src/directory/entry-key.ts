// What an entry of the directory is about, whatever its DN is written like: changes of one entry collapse to one key. Pure.

import type { Profile } from '../policy/profile.ts';

/** `service`: a name that a structure certifies, folded; `person`: by national identifier; `authority`: by CA id. */
export type EntryKey =
  | { readonly kind: 'service'; readonly structure: string; readonly name: string }
  | { readonly kind: 'person'; readonly id: string }
  | { readonly kind: 'authority'; readonly id: string };

/** What a certificate's row says of its entry. */
export type HolderRow = {
  readonly profile: string;
  /** Struct_IdNat or IdNat_PS */
  readonly holderKey: string;
  /** RFC 4514 text, the common name of a structure's certificate first */
  readonly subject: string;
};

/** The entry of a certificate that is for a holder of this kind. Throws TypeError where a structure's subject has no common name. */
export function keyOfHolder(holder: Profile['holder'], { holderKey, subject }: HolderRow): EntryKey {
  if (holder !== 'structure') return { kind: 'person', id: holderKey };
  return { kind: 'service', structure: holderKey, name: foldName(firstCommonName(subject)) };
}

/** One text for each entry, for rows and maps. */
export function formatKey(key: EntryKey): string {
  return JSON.stringify(key.kind === 'service' ? [key.kind, key.structure, key.name] : [key.kind, key.id]);
}

/** Reads what `formatKey` wrote; throws TypeError for anything else. */
export function parseKey(text: string): EntryKey {
  const parts: unknown = JSON.parse(text);
  if (Array.isArray(parts) && parts.every((part) => typeof part === 'string')) {
    const [kind, first = '', name = ''] = parts;
    if (kind === 'service') return { kind, structure: first, name };
    if (kind === 'person' || kind === 'authority') return { kind, id: first };
  }
  throw new TypeError('this is no key of a directory entry');
}

/** Names that a directory takes for equal: RFC 4518 §2 String Preparation, as far as names that were certified need it. */
export const foldName = (name: string): string => name.normalize('NFKC').toLowerCase().replace(/ +/g, ' ').trim();

const COMMON_NAME = /^CN=((?:\\.|[^\\,+])*)/su;
const ESCAPED = /((?:\\[0-9a-f]{2})+)|\\(.)/giu;

function firstCommonName(subject: string): string {
  const escaped = COMMON_NAME.exec(subject)?.[1];
  if (escaped === undefined) throw new TypeError('the subject of a structure begins with its common name');
  return unescapeValue(escaped);
}

/** An attribute value as RFC 4514 §2.4 escapes it, without the escapes; `\2C` and `\,` alike are a comma. */
export const unescapeValue = (value: string): string =>
  value.replace(ESCAPED, (_, pairs: string | undefined, character: string | undefined) =>
    pairs === undefined ? (character ?? '') : Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
