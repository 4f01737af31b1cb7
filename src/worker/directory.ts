// The directory as the worker keeps it: three loops, and none where LDAP_URL is not set. What the loops do can be done by any number of
// workers; leases let one of them at a time.

import { randomUUID } from 'node:crypto';
import { writeAuthorities } from '../directory/authorities.ts';
import { watchDirectory } from '../directory/lag.ts';
import { openConnection } from '../directory/ldap.ts';
import { createFollower } from '../directory/publish.ts';
import { reconcileDirectory } from '../directory/reconcile.ts';
import { ldapSettings } from '../directory/settings.ts';
import { Outage } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { System } from '../system.ts';

const FOLLOW_MS = 1_000;
const LISTS_MS = 3_000;
const WATCH_MS = 30_000;
/** Entries that are written at once. */
const CONNECTIONS = 8;
const ENTRY_TIMEOUT_MS = 10_000;
/** A list of 35 MB over a slow line; less than the lease of its turn. */
const LIST_TIMEOUT_MS = 50_000;

export type RunningDirectory = {
  /** whether it did not answer when one of the loops of this process last wrote */
  isAway(): boolean;
  stop(): Promise<void>;
};

/** Starts the loops; `stop` lets the steps under way end. Throws Refusal when the settings of LDAP are not usable. */
export function startDirectory(system: System, holder: string): RunningDirectory {
  const settings = ldapSettings(system.config);
  if (settings === undefined) {
    system.log.info('LDAP_URL is not set: the directory is off');
    return { isAway: () => false, stop: async () => undefined };
  }
  const holders = Array.from({ length: CONNECTIONS }, () => openConnection(settings, ENTRY_TIMEOUT_MS));
  const lists = openConnection(settings, LIST_TIMEOUT_MS);
  const follower = createFollower(system, holders, holder);
  const since = system.clock();
  const away = new Set<string>();
  const quiet = (name: string, step: () => Promise<unknown>) => quietly(name, step, { log: system.log, away });
  const follow = quiet('directory', () => follower.follow());
  const write = quiet('directory lists', () => writeAuthorities(system, lists, holder));
  const loops: Loop[] = [
    startLoop('directory', FOLLOW_MS, follow, system.log),
    startLoop('directory lists', LISTS_MS, write, system.log),
    startLoop('directory watch', WATCH_MS, () => watchDirectory(system, since), system.log),
  ];
  return {
    isAway: () => away.size > 0,
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all([...holders, lists].map((connection) => connection.close()));
    },
  };
}

/** Fewer than the loops have, which go on meanwhile; the first one is in the middle of a search all the time. */
const COMPARING = 2;

/**
 * Compares the whole directory with the database and writes nothing: a difference is an alarm, because it says that somebody else wrote,
 * or that a database was restored, and who looks decides which of the two is right. Nothing to do where LDAP_URL is not set.
 */
export async function compareDirectory(system: System): Promise<void> {
  const settings = ldapSettings(system.config);
  if (settings === undefined) return;
  const connections = Array.from({ length: COMPARING }, () => openConnection(settings, LIST_TIMEOUT_MS));
  try {
    await reconcileDirectory(system, connections, { mend: false, holder: randomUUID() });
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

/** A directory that is away for a day is two lines of the log, not one a second; meanwhile `away` has the name of the loop. */
function quietly(
  name: string,
  step: () => Promise<unknown>,
  { log, away }: { readonly log: Log; readonly away: Set<string> },
): () => Promise<void> {
  return async () => {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof Outage) || error.what !== 'directory') throw error;
      if (!away.has(name))
        log.warn({ loop: name, reason: error.message }, 'the directory is away and will be tried again');
      away.add(name);
      return;
    }
    if (away.delete(name)) log.info({ loop: name }, 'the directory is back');
  };
}
