// Whether a directory takes any write at all, found out by one of ours: some refusals say nothing of what was to be written, and a
// server may refuse everything with the code of one entry (no right to write, read-only, disk full).

import { Outage } from '../errors.ts';
import type { Hierarchy } from '../policy/hierarchy.ts';
import { type DirectoryConnection, EntryFault, NoAnswer } from './ldap.ts';
import { formatDn, probeEntry } from './tree.ts';

/** `other`: what OpenLDAP says when its database is full, and of one entry that is too long for it. */
const OTHER = 80;

/** The result code of a refusal that may be one of everything; undefined for one that is about the entry, and for no answer. */
export function doubtfulCode(error: unknown): number | undefined {
  if (error instanceof NoAnswer) return error.code;
  return error instanceof EntryFault && error.code === OTHER ? OTHER : undefined;
}

/** About as long as the entry of a holder: a full database may have room for a short one. */
const LENGTH = 3_000;

/**
 * Adds an entry below the base and removes it at once; if we stop between the two, the next probe does. True also where the server has
 * something against this entry alone. Never throws for what the directory does.
 */
export async function takesWrites(connection: DirectoryConnection, hierarchy: Hierarchy): Promise<boolean> {
  const entry = probeEntry(hierarchy, '.'.repeat(LENGTH));
  const dn = formatDn(entry.dn);
  try {
    const added = await connection.add(dn, entry.attributes);
    await connection.remove(dn);
    return added !== 'orphan';
  } catch (error) {
    if (error instanceof EntryFault) return error.code !== OTHER;
    if (error instanceof Outage) return false;
    throw error;
  }
}
