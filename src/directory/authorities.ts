// The entries of the authorities: certificate and last list, replaced in one step, so that a reader finds the old list or the new one.

import { latestCrl } from '#db/crls.ts';
import {
  authoritiesBehind,
  forgetDirectoryLists,
  isPostponed,
  type Postponed,
  postponeEntry,
  recordDirectoryList,
  settleEntries,
} from '#db/directory.ts';
import type { Authority } from '../authority.ts';
import { Outage } from '../errors.ts';
import type { Needs } from '../system.ts';
import { formatKey } from './entry-key.ts';
import { type DirectoryConnection, EntryFault } from './ldap.ts';
import { doubtfulCode, takesWrites } from './probe.ts';
import { putEntry } from './put-entry.ts';
import { authorityEntry } from './tree.ts';
import { inTurn, type Turn } from './turn.ts';

type AuthorityNeeds = Needs<'db' | 'policies' | 'authorities'>;

const LEASE = 'directory_lists';
const PAUSE_MS = 3_000;
/** A list that the directory will not take may be one that it takes tomorrow; one that it dropped may pass in a minute. */
const LONGEST = { refused: 3_600_000, away: 60_000 };

/**
 * Writes each authority whose last list the directory does not have. One that fails holds no other: a list may be too long for a
 * server, which then ends the connection. Resolves to how many were written, undefined while another worker has the turn. Throws
 * the last Outage, after the others were tried.
 */
export function writeAuthorities(
  system: AuthorityNeeds,
  connection: DirectoryConnection,
  holder: string,
): Promise<number | undefined> {
  return inTurn(system, { leaseName: LEASE, holder }, async (turn) => {
    let written = 0;
    let outage: Outage | undefined;
    for (const id of await authoritiesBehind(system.db.read)) {
      const authority = system.authorities.get(id);
      const entry = formatKey({ kind: 'authority', id });
      if (authority === undefined || (await isPostponed(system.db.read, entry))) continue;
      try {
        await writeAuthority(system, connection, { authority, turn });
        await settleEntries(system.db.read, [entry]);
        written += 1;
      } catch (error) {
        // What we said last may be done after another worker wrote a newer list: whoever has the turn writes it once more.
        await forgetDirectoryLists(system.db.read, [id]);
        const { away, ...pause } = await reasonOf(system, connection, error);
        await postponeEntry(system.db.read, { entry, ...pause });
        outage = away ?? outage;
      }
    }
    if (outage !== undefined) throw outage;
    return written;
  });
}

async function writeAuthority(
  { db, policies: { hierarchy } }: AuthorityNeeds,
  connection: DirectoryConnection,
  { authority, turn }: { readonly authority: Authority; readonly turn: Turn },
): Promise<void> {
  const list = await latestCrl(db.read, authority.id);
  const state = { certificate: authority.certificate.der, list: list?.der };
  const ours = whileOurs(connection, turn);
  await putEntry(ours, authorityEntry(hierarchy, authority.id, state), list !== undefined);
  // If we stop before this line, the same list is written once more.
  const told = { authority: authority.id, number: list?.number ?? 0n };
  if (!(await recordDirectoryList(db.read, turn.lease, told)))
    throw new Outage('database', 'another worker has taken over the directory');
}

/** Each operation begins with a whole lease, which is longer than its deadline. */
function whileOurs(connection: DirectoryConnection, turn: Turn): DirectoryConnection {
  const begin = async (): Promise<void> => {
    await connection.open();
    await turn.prolong();
  };
  return {
    ...connection,
    add: async (...entry) => {
      await begin();
      return await connection.add(...entry);
    },
    replace: async (...entry) => {
      await begin();
      return await connection.replace(...entry);
    },
  };
}

type Reason = Omit<Postponed, 'entry'> & { readonly away?: Outage };

/** A refusal that the directory has for every write is an outage; one of this list alone is not. */
async function reasonOf(
  { policies: { hierarchy } }: AuthorityNeeds,
  connection: DirectoryConnection,
  error: unknown,
): Promise<Reason> {
  const code = doubtfulCode(error);
  if (code !== undefined)
    return (await takesWrites(connection, hierarchy))
      ? refused(code)
      : awayFor(new Outage('directory', 'the directory refuses every write'));
  if (error instanceof Outage) return awayFor(error);
  if (error instanceof EntryFault) return refused(error.code);
  throw error;
}

const refused = (code: number): Reason => ({
  ...{ reason: `result_${code}`, pauseMs: PAUSE_MS, longestMs: LONGEST.refused },
});

const awayFor = (away: Outage): Reason => ({
  ...{ reason: `${away.what}_away`, pauseMs: PAUSE_MS, longestMs: LONGEST.away, away },
});
