// One entry as it is against what it is to be, and which entry of ours a DN names. Pure.

import type { Hierarchy } from '../policy/hierarchy.ts';
import { type EntryKey, foldName, unescapeValue } from './entry-key.ts';
import { BRANCHES, baseDn, type Entry, namingAttribute } from './tree.ts';

type Found = { readonly attributes: ReadonlyMap<string, readonly Buffer[]> };

/** Whether every attribute that we write has exactly our values; what others write beside them is theirs. */
export function isAsWanted(found: Found, { dn, attributes }: Entry): boolean {
  const naming = namingAttribute(dn);
  return Object.entries(attributes).every(([type, values]) => {
    if (type === naming) return true;
    const form = type === 'objectClass' ? lower : hex;
    const there = new Set((found.attributes.get(type.toLowerCase()) ?? []).map(form));
    const wanted = new Set(values.map((value) => form(Buffer.from(value))));
    return there.size === wanted.size && [...wanted].every((value) => there.has(value));
  });
}

/** Names of object classes are equal in any letters. */
const lower = (value: Buffer): string => value.toString().toLowerCase();
const hex = (value: Buffer): string => value.toString('hex');

/** The holder whose entry stands at this DN; undefined for everything that is no entry of a holder. */
export function keyAt(hierarchy: Hierarchy, dn: string): EntryKey | undefined {
  const values = splitDn(dn);
  const depth = baseDn(hierarchy).length;
  const branch = values[depth];
  if (branch === BRANCHES.service && values.length === depth + 3)
    return { kind: 'service', structure: values[depth + 1] ?? '', name: foldName(values[depth + 2] ?? '') };
  if (branch === BRANCHES.person && values.length === depth + 2) return { kind: 'person', id: values[depth + 1] ?? '' };
  return undefined;
}

/** The values of the RDNs of RFC 4514 text, the country first; `\2C` and `\,` alike are a comma. */
function splitDn(dn: string): string[] {
  const rdns = dn.match(/(?:\\.|[^\\,])+/gsu) ?? [];
  return rdns.map((rdn) => unescapeValue(rdn.slice(rdn.indexOf('=') + 1))).reverse();
}
