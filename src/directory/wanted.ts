// What the database wants the directory to say of holders: certificates that were issued, are not revoked, have not ended, whose
// profile is public, and of those with a mailbox the ones that may be come upon.

import { consentsOf } from '#db/consents.ts';
import { certificateBytes, certificatesShown, type DirectoryRow } from '#db/directory.ts';
import type { Policies } from '../policy/load.ts';
import type { Profile } from '../policy/profile.ts';
import { mayBeComeUpon, publicProfiles } from '../policy/publication.ts';
import type { Needs } from '../system.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { mailboxesOf } from '../x509/store-keys.ts';
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

/** The certificates that each entry is to have if they may be come upon, oldest first, by the text of its key. */
type Candidates = ReadonlyMap<string, readonly DirectoryRow[]>;

/** Which certificates these entries of holders may have now; in one query, however many they are. */
export async function candidatesOf(
  { db, policies, clock }: Needs<'db' | 'policies' | 'clock'>,
  keys: readonly string[],
): Promise<Candidates> {
  const parsed = keys.map(parseKey);
  const holderKeys = [...new Set(parsed.map((key) => (key.kind === 'service' ? key.structure : key.id)))];
  const rows = await certificatesShown(db.read, { holderKeys, profiles: publicProfiles(policies), now: clock() });
  const wanted = new Set(keys);
  const rowsByKey = new Map<string, DirectoryRow[]>();
  for (const row of rows) {
    const key = keyOf(policies, row);
    if (key === undefined || !wanted.has(key)) continue;
    const ofKey = rowsByKey.get(key);
    if (ofKey === undefined) rowsByKey.set(key, [row]);
    else ofKey.push(row);
  }
  return rowsByKey;
}

/** What these entries of holders are to be now, in the order of `keys`; `known` saves the query for what they may have. */
export async function wantedHolders(
  system: Needs<'db' | 'policies' | 'clock'>,
  keys: readonly string[],
  known?: Candidates,
): Promise<WantedEntry[]> {
  const candidates = known ?? (await candidatesOf(system, keys));
  const rowsOf = (key: string): readonly DirectoryRow[] => candidates.get(key) ?? [];
  const read = await readCandidates(system, keys.flatMap(rowsOf));
  // asked after the wish for another look was read, so that a consent that changes later has a wish of its own
  const consents = await consentsOf(
    system.db.read,
    [...read.values()].flatMap((one) => one?.mailboxes ?? []),
  );
  return keys.map((text) => {
    const key = parseKey(text);
    const found = rowsOf(text).map(({ id }) => read.get(id));
    if (found.includes(undefined)) return { key, certificates: found.length, fault: true };
    const shown = found.flatMap((one) =>
      one !== undefined && mayBeComeUpon(one.publication, one.mailboxes, consents) ? [one.certificate] : [],
    );
    return { key, certificates: shown.length, ...built(system.policies, key, shown) };
  });
}

type Candidate = {
  readonly certificate: Certificate;
  readonly mailboxes: readonly string[];
  readonly publication: Profile['publication'];
};

/** By id; undefined what cannot be read. */
async function readCandidates(
  { db, policies }: Needs<'db' | 'policies'>,
  rows: readonly DirectoryRow[],
): Promise<ReadonlyMap<string, Candidate | undefined>> {
  const bytes = await certificateBytes(
    db.read,
    rows.map(({ id }) => id),
  );
  return new Map(
    rows.map(({ id, profile }) => [id, readCandidate(bytes.get(id), policies.profiles.get(profile))] as const),
  );
}

function readCandidate(der: Uint8Array | undefined, profile: Profile | undefined): Candidate | undefined {
  if (der === undefined || profile === undefined) return undefined;
  try {
    const certificate = parseCertificate(der);
    return { certificate, mailboxes: mailboxesOf(certificate), publication: profile.publication };
  } catch {
    return undefined;
  }
}

/** One entry that cannot be made holds no other. */
function built(
  { hierarchy }: Policies,
  key: EntryKey,
  certificates: readonly Certificate[],
): Pick<WantedEntry, 'entry' | 'fault'> {
  if (certificates.length === 0) return {};
  try {
    return { entry: holderEntry(hierarchy, key, certificates) };
  } catch {
    return { fault: true };
  }
}
