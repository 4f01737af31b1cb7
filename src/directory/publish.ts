// Follows what was issued, revoked and has ended, and brings the directory after it. Nothing here is part of an issuance: the feed is
// written anyway, and a directory that is away for a day is a cursor that does not move.

import {
  certificatesEnded,
  certificatesOfFeed,
  type DirectoryRow,
  dueEntries,
  readDirectoryProgress,
  recordDirectoryProgress,
  settleLooks,
  wantedLooks,
} from '#db/directory.ts';
import { type FeedCursor, type FeedRow, readFeed } from '#db/feed.ts';
import { Outage } from '../errors.ts';
import { type ConvergeNeeds, convergeHolders } from './converge.ts';
import type { DirectoryConnection } from './ldap.ts';
import { inTurn, type Turn } from './turn.ts';
import { keysOf } from './wanted.ts';

/** Whoever writes entries of holders has this lease. */
export const LEASE_OF_HOLDERS = 'directory_holders';
const BATCH = 1_000;

export type DirectoryFollower = {
  /**
   * One round: refused entries whose pause is over, everything new in the feed, everything that ended, and those that want another
   * look. Resolves to the number of entries that were written, or undefined while another worker has the turn. Throws Outage: what was
   * noted stays, and the next round goes on from there.
   */
  follow(): Promise<number | undefined>;
};

/** A follower of its own for each process, `holder`; the connections are its own. */
export function createFollower(
  system: ConvergeNeeds,
  connections: readonly DirectoryConnection[],
  holder: string,
): DirectoryFollower {
  const ahead = new Set<string>();
  return {
    follow: () =>
      inTurn(system, { leaseName: LEASE_OF_HOLDERS, holder }, async (turn) => {
        const round: Round = { system, connections, turn, ahead };
        const now = system.clock();
        let written = await retryRefused(round);
        written += await followFeed(round);
        written += await removeEnded(round, now);
        written += await lookAgain(round);
        await note(round, { completeAt: now });
        return written;
      }),
  };
}

type Round = {
  readonly system: ConvergeNeeds;
  readonly connections: readonly DirectoryConnection[];
  readonly turn: Turn;
  /** rows that were written though older ones can still appear: they come again until none can */
  readonly ahead: Set<string>;
};

async function retryRefused(round: Round): Promise<number> {
  return await write(round, await dueEntries(round.system.db.read, BATCH));
}

/**
 * There may be millions, so the feed is followed again after each page of them: no revocation waits for them. If we stop between the
 * entries and their settling, the next round looks once more.
 */
async function lookAgain(round: Round): Promise<number> {
  const { db } = round.system;
  let written = 0;
  for (;;) {
    await round.turn.prolong();
    const looks = await wantedLooks(db.read, BATCH);
    if (looks.length === 0) return written;
    written += await writeRows(round, looks);
    await settleLooks(db.read, looks);
    written += await followFeed(round);
  }
}

async function followFeed(round: Round): Promise<number> {
  const { db } = round.system;
  let { cursor } = await readDirectoryProgress(db.read);
  let written = 0;
  for (;;) {
    await round.turn.prolong();
    // 1. Read. Rows that another round has written already are passed over.
    const page = await readFeed(db.read, cursor, BATCH);
    const rows = page.rows.filter((row) => !round.ahead.has(textOf(row)));
    written += await writeRows(round, await certificatesOfFeed(db.read, rows));
    // 2. Note. If we stop before this line, the next round writes the same entries again, to the same effect.
    await note(round, { cursor: page.cursor });
    keepAhead(round.ahead, page);
    cursor = page.cursor;
    if (page.complete) return written;
  }
}

/** Only the end of a reading can be ahead of rows that are still to come. */
function keepAhead(
  ahead: Set<string>,
  page: { rows: readonly FeedRow[]; cursor: FeedCursor; complete: boolean },
): void {
  if (page.rows.length === 0 || ahead.size > MOST_AHEAD) ahead.clear();
  if (page.complete || page.cursor.ahead !== undefined) for (const row of page.rows) ahead.add(textOf(row));
}
const MOST_AHEAD = 100_000;
const textOf = ({ issuer, serial, revokedAt }: FeedRow): string =>
  `${issuer} ${Buffer.from(serial).toString('base64')}${revokedAt === undefined ? '' : ' revoked'}`;

/** If we stop between two pages, the next round begins at the first again. */
async function removeEnded(round: Round, now: Date): Promise<number> {
  const { db } = round.system;
  const { endedUntil } = await readDirectoryProgress(db.read);
  if (now <= endedUntil) return 0;
  let written = 0;
  let after: DirectoryRow | undefined;
  for (;;) {
    await round.turn.prolong();
    const rows = await certificatesEnded(db.read, { from: endedUntil, to: now, limit: BATCH, after });
    written += await writeRows(round, rows);
    after = rows.at(-1);
    if (rows.length === BATCH) continue;
    await note(round, { endedUntil: now });
    return written;
  }
}

const writeRows = (round: Round, rows: readonly DirectoryRow[]): Promise<number> =>
  write(round, keysOf(round.system.policies, rows));

async function write({ system, connections, turn }: Round, keys: readonly string[]): Promise<number> {
  return (await convergeHolders(system, connections, { keys, turn })).written;
}

async function note({ system, turn }: Round, progress: Parameters<typeof recordDirectoryProgress>[2]): Promise<void> {
  if (!(await recordDirectoryProgress(system.db.read, turn.lease, progress)))
    throw new Outage('database', 'another worker has taken over the directory');
}
