// What the database wants the directory to say of holders: certificates that were issued, are not revoked, have not ended, and whose
// profile is public.

import { certificateBytes, certificatesShown, type DirectoryRow } from '#db/directory.ts';
import type { Policies } from '../policy/load.ts';
import { publicProfiles } from '../policy/publication.ts';
import type { Needs } from '../system.ts';
import { type EntryKey, formatKey, keyOfHolder, parseKey } from './entry-key.ts';
import { type Entry, holderEntry } from './tree.ts';

/** What an entry is to be: absent without `entry`; `fault` where its data make none. */
export type WantedEntry = {
  readonly key: EntryKey;
  readonly certificates: number;
  readonly entry?: Entry;
  readonly fault?: true;
};

/** The entries, as texts of keys and each once, of the certificates among these that may be shown, now or once. */
export const keysOf = (policies: Policies, rows: readonly DirectoryRow[]): string[] => [
  ...new Set(rows.flatMap((row) => keyOf(policies, row) ?? [])),
];

/** A row whose subject was erased has no entry any more: it holds no other, and reconciliation finds what is left of it. */
function keyOf({ profiles }: Policies, row: DirectoryRow): string | undefined {
  const profile = profiles.get(row.profile);
  if (profile?.publication.certificate !== 'public') return undefined;
  try {
    return formatKey(keyOfHolder(profile.holder, row));
  } catch {
    return undefined;
  }
}

/** Ids of the certificates that each entry is to have, oldest first, by the text of its key. */
type ShownIds = ReadonlyMap<string, readonly string[]>;

/** Which certificates these entries of holders are to have now; in one query, however many they are. */
export async function shownIds(
  { db, policies, clock }: Needs<'db' | 'policies' | 'clock'>,
  keys: readonly string[],
): Promise<ShownIds> {
  const parsed = keys.map(parseKey);
  const holderKeys = [...new Set(parsed.map((key) => (key.kind === 'service' ? key.structure : key.id)))];
  const rows = await certificatesShown(db.read, { holderKeys, profiles: publicProfiles(policies), now: clock() });
  const wanted = new Set(keys);
  const idsByKey = new Map<string, string[]>();
  for (const row of rows) {
    const key = keyOf(policies, row);
    if (key === undefined || !wanted.has(key)) continue;
    const ids = idsByKey.get(key);
    if (ids === undefined) idsByKey.set(key, [row.id]);
    else ids.push(row.id);
  }
  return idsByKey;
}

/** What these entries of holders are to be now, in the order of `keys`; `known` saves the query for what they are to have. */
export async function wantedHolders(
  system: Needs<'db' | 'policies' | 'clock'>,
  keys: readonly string[],
  known?: ShownIds,
): Promise<WantedEntry[]> {
  const idsByKey = known ?? (await shownIds(system, keys));
  const idsOf = (key: string): readonly string[] => idsByKey.get(key) ?? [];
  const bytes = await certificateBytes(system.db.read, keys.flatMap(idsOf));
  return keys.map((text) => {
    const key = parseKey(text);
    const certificates = idsOf(text).flatMap((id) => bytes.get(id) ?? []);
    return { key, certificates: certificates.length, ...built(system.policies, key, certificates) };
  });
}

/** One entry that cannot be made holds no other. */
function built(
  { hierarchy }: Policies,
  key: EntryKey,
  certificates: readonly Uint8Array[],
): Pick<WantedEntry, 'entry' | 'fault'> {
  if (certificates.length === 0) return {};
  try {
    return { entry: holderEntry(hierarchy, key, certificates) };
  } catch {
    return { fault: true };
  }
}
