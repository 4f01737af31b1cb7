// Brings entries of holders to what the database wants, several at a time, each entry by one connection alone: so its changes are in
// order, and the last state wins however often it is asked for.

import { postponeEntry, settleEntries } from '#db/directory.ts';
import { Outage } from '../errors.ts';
import type { Needs } from '../system.ts';
import { formatKey } from './entry-key.ts';
import { type DirectoryConnection, EntryFault, NoAnswer } from './ldap.ts';
import { doubtfulCode, takesWrites } from './probe.ts';
import { putEntry } from './put-entry.ts';
import { dnOf, formatDn } from './tree.ts';
import type { Turn } from './turn.ts';
import { candidatesOf, type WantedEntry, wantedHolders } from './wanted.ts';

export type ConvergeNeeds = Needs<'db' | 'policies' | 'clock'>;

export type Converged = { readonly written: number; readonly refused: number };

/** Entries whose certificates are in memory at one time. */
const AT_ONCE = 50;
/** A refused entry is tried again after this, and then ever less often. */
const PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Writes these entries. What the directory refuses or does not answer is noted to be tried again, and holds no other. Order of effects:
 * LDAP, then the notes; if we stop between, everything is written once more. Throws Outage when the directory, the database or the turn
 * is away, or the directory refuses every write: then some of the entries are written, and nothing is noted against the others.
 */
export async function convergeHolders(
  system: ConvergeNeeds,
  connections: readonly DirectoryConnection[],
  { keys, turn }: { readonly keys: readonly string[]; readonly turn: Turn },
): Promise<Converged> {
  if (keys.length === 0) return { written: 0, refused: 0 };
  const known = await candidatesOf(system, keys);
  const refused = new Map<string, string>();
  for (let from = 0; from < keys.length; from += AT_ONCE) {
    const wanted = await wantedHolders(system, keys.slice(from, from + AT_ONCE), known);
    let doubtful: DirectoryConnection | undefined;
    await eachWith(connections, wanted, async (connection, one) => {
      await turn.check();
      const refusal = await writeOne(system, connection, one).catch((error: unknown) =>
        withoutAnswer(system, { connection, error, turn }),
      );
      if (refusal === undefined) return;
      refused.set(formatKey(one.key), refusal.reason);
      if (refusal.doubtful) doubtful = connection;
    });
    // after the others of these: what the directory still takes, as removals on a full disk, it has
    if (doubtful !== undefined) await refuseAll(system, { connection: doubtful, turn });
  }
  for (const [entry, reason] of refused)
    await postponeEntry(system.db.read, { entry, reason, pauseMs: PAUSE_MS, longestMs: LONGEST_PAUSE_MS });
  await settleEntries(
    system.db.read,
    keys.filter((key) => !refused.has(key)),
  );
  return { written: keys.length - refused.size, refused: refused.size };
}

/** `doubtful`: the directory may refuse everything else as well. */
type EntryRefusal = { readonly reason: string; readonly doubtful?: true };

/** Why the directory does not take this entry; undefined when it did. An entry without a certificate goes, its parents stay. */
async function writeOne(
  { policies: { hierarchy } }: ConvergeNeeds,
  connection: DirectoryConnection,
  { key, entry, fault, certificates }: WantedEntry,
): Promise<EntryRefusal | undefined> {
  if (fault) return { reason: 'not_buildable' };
  try {
    if (entry === undefined) await connection.remove(formatDn(dnOf(hierarchy, key)));
    else await putEntry(connection, entry, certificates > 1);
    return undefined;
  } catch (error) {
    const code = doubtfulCode(error);
    if (code !== undefined) return { reason: `result_${code}`, doubtful: true };
    if (error instanceof EntryFault) return { reason: `result_${error.code}` };
    if (error instanceof Outage) throw error;
    return { reason: 'not_buildable' };
  }
}

type Doubt = { readonly connection: DirectoryConnection; readonly turn: Turn };

/**
 * Why an entry got no answer, where the directory takes another; else throws `error`, for the directory is away. So an entry at which a
 * server falls over holds no other.
 */
async function withoutAnswer(
  { policies: { hierarchy } }: ConvergeNeeds,
  { connection, error, turn }: Doubt & { readonly error: unknown },
): Promise<EntryRefusal> {
  // the failed operation closed its connection, so this one is asked over a new one
  if (!(error instanceof NoAnswer) || !(await takesWrites(connection, hierarchy))) throw error;
  // two deadlines may have passed meanwhile
  await turn.prolong();
  return { reason: 'no_answer' };
}

/** Throws Outage where the directory refuses a write that nothing can be said against. */
async function refuseAll({ policies: { hierarchy } }: ConvergeNeeds, { connection, turn }: Doubt): Promise<void> {
  await turn.prolong();
  if (!(await takesWrites(connection, hierarchy))) throw new Outage('directory', 'the directory refuses every write');
}

/** Each item with one of the connections, all connections at once; the first that throws ends it, after what is under way. */
async function eachWith<C, T>(
  connections: readonly C[],
  items: readonly T[],
  act: (connection: C, item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const work = connections.map(async (connection) => {
    for (let item = items[next++]; item !== undefined && !failed; item = items[next++]) {
      try {
        await act(connection, item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  });
  const results = await Promise.allSettled(work);
  const fault = results.find((result) => result.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
}
