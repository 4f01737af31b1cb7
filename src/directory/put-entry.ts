// One entry in the directory becomes what it is to be, in as few operations as a new entry or a known one needs; safe to repeat.

import { Outage } from '../errors.ts';
import type { DirectoryConnection } from './ldap.ts';
import { containerEntry, type Dn, type Entry, formatDn, namingAttribute } from './tree.ts';

/**
 * Writes the entry with exactly these attributes, and what it stands under where that is missing. `known` says that it probably is
 * there, which saves an operation and changes nothing else. Each operation is whole: if we stop between two, a reader sees the entry
 * before or after. Throws Outage, EntryFault, and TypeError for a name that no directory may have.
 */
export async function putEntry(connection: DirectoryConnection, entry: Entry, known: boolean): Promise<void> {
  const dn = formatDn(entry.dn);
  const changes = withoutName(entry);
  if (known && (await connection.replace(dn, changes))) return;
  const added = await connection.add(dn, entry.attributes);
  if (added === 'added') return;
  if (added === 'orphan') {
    await putContainers(connection, entry.dn.slice(0, -1));
    await connection.add(dn, entry.attributes);
    return;
  }
  // It was there, or somebody added it just now. If somebody removed it just now, the next round adds it.
  await connection.replace(dn, changes);
}

/** The entry is named by this value: changing it is another operation, and the server says no. */
function withoutName({ dn, attributes }: Entry): Entry['attributes'] {
  const naming = namingAttribute(dn);
  return Object.fromEntries(Object.entries(attributes).filter(([type]) => type !== naming));
}

/** From the leaf up, and then down again: usually one is missing, if any. */
async function putContainers(connection: DirectoryConnection, dn: Dn): Promise<void> {
  if (dn.length === 0) throw new Outage('directory', 'the directory has no place for the country of our tree');
  const container = containerEntry(dn);
  if ((await connection.add(formatDn(dn), container.attributes)) !== 'orphan') return;
  await putContainers(connection, dn.slice(0, -1));
  await connection.add(formatDn(dn), container.attributes);
}
