// The directory for anyone who looks for a structure, or for a name: what a policy makes public, and of mailboxes only those whose
// holders have consented. Nobody can read it from one end to the other.

import { type DirectoryPlace, type DirectoryRow, searchDirectory, walkDirectory } from '#db/certificate-store.ts';
import { mailProfiles, publicProfiles } from '../policy/publication.ts';
import type { Needs } from '../system.ts';
import { foldName } from './sought-name.ts';

export type DirectoryQuery = {
  readonly structure?: string;
  /** how the name begins, in any letters; at least `SHORTEST_NAME` characters once it is folded */
  readonly name?: string;
  readonly profile?: string;
  readonly limit: number;
  readonly after?: DirectoryPlace;
};

/** A shorter name would find everybody in a few questions. */
export const SHORTEST_NAME = 3;

/** No page looks at more names: one that asks for a rare profile among them goes on behind the last of these. */
const LONGEST_WALK = 2_000;

export type DirectoryEntry = {
  readonly profile: string;
  readonly issuer: string;
  readonly serial: Uint8Array;
  /** absent where it holds a mailbox to which nobody has consented */
  readonly subject?: string;
  readonly structure?: string;
  readonly mailboxes: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** the search key under which the certificate store has it */
  readonly certHash: Uint8Array;
};

export type DirectoryAnswer = { readonly entries: readonly DirectoryEntry[]; readonly next?: DirectoryPlace };

/** The folded beginning of a name; undefined when it is too short to search for. */
export function searchableName(text: string): string | undefined {
  const folded = foldName(text);
  return folded.length < SHORTEST_NAME ? undefined : folded;
}

/** One page, in the order of names; it may be empty, and others follow. A query without structure and without a name that can be searched for finds nothing. */
export async function findInDirectory(
  system: Needs<'db' | 'policies' | 'clock'>,
  { structure, name, profile, limit, after }: DirectoryQuery,
): Promise<DirectoryAnswer> {
  const beginning = name === undefined ? undefined : searchableName(name);
  if (name === undefined ? structure === undefined : beginning === undefined) return { entries: [] };
  const profiles = publicProfiles(system.policies).filter((one) => profile === undefined || one === profile);
  if (profiles.length === 0) return { entries: [] };
  const filter = {
    ...(structure === undefined ? {} : { structure }),
    ...(beginning === undefined ? {} : { name: beginning }),
  };
  // first how far, then what: a certificate that goes out of the store in between shifts nothing beyond the end of the page
  const upTo = await walkDirectory(system.db.read, filter, { after, steps: LONGEST_WALK });
  const shown = { profiles, mailProfiles: mailProfiles(system.policies) };
  const page = { ...shown, now: system.clock(), limit: limit + 1, after, upTo };
  const rows = await searchDirectory(system.db.read, filter, page);
  const found = rows.slice(0, limit);
  const end = rows.length > limit ? found.at(-1) : upTo;
  return {
    entries: found.map(entryOf),
    ...(end === undefined ? {} : { next: { soughtName: end.soughtName, id: end.id } }),
  };
}

function entryOf(row: DirectoryRow): DirectoryEntry {
  const hidesSubject = !row.mailConsented && row.subject.includes('@');
  return {
    profile: row.profile,
    issuer: row.issuer,
    serial: row.serial,
    ...(hidesSubject ? {} : { subject: row.subject }),
    ...(row.structure === null ? {} : { structure: row.structure }),
    mailboxes: row.mailConsented ? row.mailboxes : [],
    notBefore: row.notBefore,
    notAfter: row.notAfter,
    certHash: row.certificateKey,
  };
}
