// Compares the whole directory with the database, and mends what differs: entries that are missing, that should not be there, or that
// say something else. The worker's own rounds may run meanwhile: what looks wrong is looked at once more before it counts.

import { setTimeout as sleep } from 'node:timers/promises';
import { latestCrl } from '#db/crls.ts';
import { certificatesShown, forgetDirectoryLists, holdersShown } from '#db/directory.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import { Outage } from '../errors.ts';
import { publicProfiles } from '../policy/publication.ts';
import type { Needs } from '../system.ts';
import { writeAuthorities } from './authorities.ts';
import { isAsWanted, keyAt } from './compare.ts';
import { convergeHolders } from './converge.ts';
import { formatKey } from './entry-key.ts';
import type { DirectoryConnection, FoundEntry } from './ldap.ts';
import { LEASE_OF_HOLDERS } from './publish.ts';
import { authorityEntry, branchDns, dnOf, formatDn } from './tree.ts';
import { inTurn } from './turn.ts';
import { keysOf, type WantedEntry, wantedHolders } from './wanted.ts';

type ReconcileNeeds = Needs<'db' | 'policies' | 'clock' | 'authorities' | 'log'>;

/** `entry`: the text of its key. */
export type Difference = { readonly kind: 'missing' | 'extra' | 'wrong'; readonly entry: string };

export type Reconciliation = {
  /** entries that were looked at, on either side */
  readonly compared: number;
  readonly differences: readonly Difference[];
  /** entries that the directory would not let us mend */
  readonly refused: number;
};

export type ReconcileOptions = {
  /** false: nothing is written */
  readonly mend: boolean;
  /** the name of this process among writers */
  readonly holder: string;
  readonly onProgress?: (compared: number, differences: number) => void;
};

const PAGE = 500;
const ATTRIBUTES = ['*'];

/**
 * Compares all holders and then the authorities, over two connections at least. Reads page by page, and keeps the keys of all entries in memory: a hundred octets
 * each. Raises directory_wrong when differences are left, and clears it otherwise. If we stop in the middle, what was mended stays.
 * Throws Outage.
 */
export async function reconcileDirectory(
  system: ReconcileNeeds,
  connections: readonly DirectoryConnection[],
  options: ReconcileOptions,
): Promise<Reconciliation> {
  const [pager, connection] = connections;
  if (pager === undefined || connection === undefined) throw new TypeError('a reconciliation needs two connections');
  const parts = { system, pager, connection, connections, options };
  const walk: Walk = { ...parts, seen: new Set(), differences: [], refused: 0 };
  await lookAtDirectory(walk);
  await lookForMissing(walk);
  await lookAtAuthorities(walk);
  await tell(walk);
  return { compared: walk.seen.size, differences: walk.differences, refused: walk.refused };
}

type Walk = {
  readonly system: ReconcileNeeds;
  /** in the middle of a search, so it does nothing else meanwhile */
  readonly pager: DirectoryConnection;
  readonly connection: DirectoryConnection;
  readonly connections: readonly DirectoryConnection[];
  readonly options: ReconcileOptions;
  readonly seen: Set<string>;
  readonly differences: Difference[];
  refused: number;
};

/** What is there: is it to be there, and as it is? */
async function lookAtDirectory(walk: Walk): Promise<void> {
  const { hierarchy } = walk.system.policies;
  // never from the base: a page with nine lists of 35 MB would be too much at once
  for (const branch of branchDns(hierarchy))
    for await (const page of walk.pager.pages(formatDn(branch), ATTRIBUTES)) await lookAtPage(walk, page);
}

async function lookAtPage(walk: Walk, page: readonly FoundEntry[]): Promise<void> {
  const { system } = walk;
  const { hierarchy } = system.policies;
  const found = page.flatMap((entry) => {
    const key = keyAt(hierarchy, entry.dn);
    return key === undefined ? [] : [{ key: formatKey(key), entry }];
  });
  const wanted = await wantedHolders(
    system,
    found.map(({ key }) => key),
  );
  const suspects = found.flatMap(({ key, entry }, index) => {
    walk.seen.add(key);
    const to = wanted[index]?.entry;
    return to !== undefined && isAsWanted(entry, to) ? [] : [key];
  });
  await settle(walk, suspects, 'met');
}

/** What is to be there, and was not met. */
async function lookForMissing(walk: Walk): Promise<void> {
  const { system, seen } = walk;
  const shown = { profiles: publicProfiles(system.policies), now: system.clock() };
  let after = '';
  for (;;) {
    const holderKeys = await holdersShown(system.db.read, { ...shown, after, limit: PAGE });
    const rows = await certificatesShown(system.db.read, { ...shown, holderKeys });
    const unmet = keysOf(system.policies, rows).filter((key) => !seen.has(key));
    for (let from = 0; from < unmet.length; from += PAGE) await settle(walk, unmet.slice(from, from + PAGE), 'unmet');
    if (holderKeys.length < PAGE) return;
    after = holderKeys.at(-1) ?? after;
  }
}

/**
 * Looks at suspects once more, counts those that are wrong still, and mends them when told to. What was not met in the directory and is
 * not wanted there is as it should be.
 */
async function settle(walk: Walk, suspects: readonly string[], where: 'met' | 'unmet'): Promise<void> {
  const { system, connections, options, differences } = walk;
  const wrong: Difference[] = [];
  for (const wanted of await wantedHolders(system, suspects)) {
    if (where === 'unmet' && wanted.certificates === 0) continue;
    if (where === 'unmet') walk.seen.add(formatKey(wanted.key));
    const kind = await differenceOf(walk, wanted);
    if (kind !== undefined) wrong.push({ kind, entry: formatKey(wanted.key) });
  }
  differences.push(...wrong);
  options.onProgress?.(walk.seen.size, differences.length);
  if (!options.mend || wrong.length === 0) return;
  const keys = wrong.map(({ entry }) => entry);
  const done = await whenOurTurn(system, options.holder, (turn) =>
    convergeHolders(system, connections, { keys, turn }),
  );
  walk.refused += done.refused;
}

async function differenceOf(
  { system, connection }: Walk,
  { key, entry }: WantedEntry,
): Promise<Difference['kind'] | undefined> {
  const dn = entry?.dn ?? dnOf(system.policies.hierarchy, key);
  const found = await connection.read(formatDn(dn), ATTRIBUTES);
  if (found === undefined) return entry === undefined ? undefined : 'missing';
  if (entry === undefined) return 'extra';
  return isAsWanted(found, entry) ? undefined : 'wrong';
}

/** The worker has the turn for the time of a round. */
async function whenOurTurn<T>(
  system: ReconcileNeeds,
  holder: string,
  work: Parameters<typeof inTurn<T>>[2],
): Promise<T> {
  const giveUpAt = performance.now() + 120_000;
  while (performance.now() < giveUpAt) {
    const done = await inTurn(system, { leaseName: LEASE_OF_HOLDERS, holder }, work);
    if (done !== undefined) return done;
    await sleep(100);
  }
  throw new Outage('directory', 'a worker has been writing to the directory for two minutes');
}

async function lookAtAuthorities(walk: Walk): Promise<void> {
  const { system, connection, options, differences } = walk;
  const wrong: string[] = [];
  for (const { id, certificate } of system.authorities.values()) {
    const list = await latestCrl(system.db.read, id);
    const wanted = authorityEntry(system.policies.hierarchy, id, { certificate: certificate.der, list: list?.der });
    const found = await connection.read(formatDn(wanted.dn), ATTRIBUTES);
    const entry = formatKey({ kind: 'authority', id });
    walk.seen.add(entry);
    if (found !== undefined && isAsWanted(found, wanted)) continue;
    differences.push({ kind: found === undefined ? 'missing' : 'wrong', entry });
    wrong.push(id);
  }
  options.onProgress?.(walk.seen.size, differences.length);
  if (!options.mend || wrong.length === 0) return;
  await forgetDirectoryLists(system.db.read, wrong);
  // While a worker has this turn, it writes them itself.
  await writeAuthorities(system, connection, options.holder);
}

async function tell({ system, options, differences, refused }: Walk): Promise<void> {
  const left = options.mend ? refused : differences.length;
  const alarm = { kind: 'directory_wrong', subject: 'directory' } as const;
  if (left === 0) await clearAlarm(system, alarm);
  else await raiseAlarm(system, { ...alarm, detail: `${left} entries of the directory differ from the database` });
}
