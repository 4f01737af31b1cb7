// The black-box observer: fetches our own CRLs, CA certificates and OCSP answers over HTTP, and the first two from the directory, as a
// relying party would, believes nothing but signatures, and compares what comes with what was published. It never repairs anything: it raises alarms, and clears
// those whose reason is gone.

import { certificateStatus } from '#db/certificates.ts';
import { type PublishedList, publishedLists } from '#db/gauges.ts';
import { acquireLease } from '#db/leases.ts';
import { type Living, newestLiving } from '#db/observed.ts';
import { listAllResponders } from '#db/responders.ts';
import { type AlarmKind, clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import type { Authority } from '../authority.ts';
import { type Fetched, fetchBounded } from '../fetch.ts';
import { certificatePath, crlPath } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';
import type { Crl } from '../x509/crl.ts';
import { type DirectoryView, type LookAt, observeDirectory } from './directory.ts';
import type { Findings } from './findings.ts';
import { MAX_CERTIFICATE_BYTES, MAX_LIST_BYTES, readList, rhythmOf, staleness, walkList, wentBack } from './list.ts';
import { askOcsp } from './ocsp.ts';

const LEASE = 'observer';
/** One worker observes; when it dies, another one goes on after so long. */
const LEASE_MS = 10 * 60_000;
const DEADLINE_MS = 30_000;
/** Caches may keep a list for an hour; beyond that, and a little more, a newer one has to be served. */
const SERVED_AFTER_MS = 65 * 60_000;
/** Certificates of each authority that are asked about: so many that live, and so many that its list revokes. */
const SAMPLE = 2;
/** A row reaches every public copy within a second; what is younger than this is not asked about. */
const SETTLED_MS = 10_000;

export type ObserverNeeds = Needs<'config' | 'db' | 'authorities' | 'policies' | 'clock' | 'log'>;

/** Who observes, in one process. */
export type Observer = {
  /** differs between processes */
  readonly holder: string;
  /** kept between two looks: the highest number of each authority's list, as it was fetched */
  readonly seen: Map<string, bigint>;
  /** when it last looked at everything, and how much was wrong with each view, for metrics and readiness */
  readonly lastLook: { at?: Date; wrong?: Readonly<Record<View, number>> };
  /** reads the directory as anybody does; absent where nobody is to */
  readonly directory?: DirectoryView;
  /** longest wait for one file, in milliseconds; 30,000 unless told */
  readonly deadlineMs?: number;
};

/** What the public sees: files and answers, and entries. */
export type View = 'http' | 'ldap';

/** An observer that has seen nothing yet; without `look` it leaves the directory alone. */
export const newObserver = (holder: string, look?: LookAt): Observer => ({
  ...{ holder, seen: new Map(), lastLook: {} },
  ...(look === undefined ? {} : { directory: { look, lists: new Map() } }),
});

/**
 * Looks at everything once, unless another worker does; answers how many things are wrong, undefined when it did not look. Off without
 * OBSERVER_URL and without a directory to look at. Throws Outage when the database or the clock is away, never for what the network says.
 */
export async function observe(system: ObserverNeeds, observer: Observer): Promise<number | undefined> {
  if (system.config.OBSERVER_URL === undefined && observer.directory === undefined) return undefined;
  if ((await acquireLease(system.db.read, LEASE, observer.holder, LEASE_MS)) === undefined) return undefined;
  const known = await whatIsKnown(system);
  const wrong = { http: 0, ldap: 0 };
  for (const authority of system.authorities.values()) {
    // One authority after the other: the observer is no load.
    const { list, ...findings } = await observeAuthority(system, authority, { ...known, observer });
    wrong.http += await tell(system, authority.id, findings);
    wrong.ldap += await observeEntry(system, authority, { ...known, observer, list });
  }
  observer.lastLook.at = system.clock();
  observer.lastLook.wrong = wrong;
  return wrong.http + wrong.ldap;
}

/** The entry of an authority; an alarm about it says `ldap` before the authority. */
async function observeEntry(
  system: ObserverNeeds,
  authority: Authority,
  {
    lists,
    observer: { directory, seen },
    list,
  }: Known & { readonly observer: Observer; readonly list: Crl | undefined },
): Promise<number> {
  if (directory === undefined) return 0;
  const published = lists.find(({ issuer }) => issuer === authority.id);
  const { hierarchy } = system.policies;
  const subject = `ldap ${authority.id}`;
  const known = { directory, seen, subject, published, shown: list, now: system.clock(), hierarchy };
  return await tell(system, subject, await observeDirectory(authority, known));
}

type Known = {
  readonly lists: readonly PublishedList[];
  readonly living: readonly Living[];
  /** authorities that somebody answers for */
  readonly answered: ReadonlySet<string>;
};

async function whatIsKnown({ db, clock }: ObserverNeeds): Promise<Known> {
  const now = clock();
  return {
    lists: await publishedLists(db.read),
    living: await newestLiving(db.read, { now, each: SAMPLE, settledMs: SETTLED_MS }),
    answered: new Set((await listAllResponders(db.read, now)).map(({ issuer }) => issuer)),
  };
}

async function observeAuthority(
  system: ObserverNeeds,
  authority: Authority,
  known: Known & { readonly observer: Observer },
): Promise<Findings & { list: Crl | undefined }> {
  if (system.config.OBSERVER_URL === undefined) return { list: undefined };
  const published = known.lists.find(({ issuer }) => issuer === authority.id);
  // Nothing was published ever: the public has nothing to fetch, and igc doctor says so.
  const { list, ...ofList } =
    published === undefined ? {} : await observeList(system, authority, { published, ...known });
  const ofFile = await observeFile(system, authority, known.observer);
  const ofOcsp = known.answered.has(authority.id) ? await observeOcsp(system, authority, { list, ...known }) : {};
  return { list, ...ofList, ...ofFile, ...ofOcsp };
}

type Published = { readonly published: PublishedList; readonly observer: Observer };

async function observeList(
  system: ObserverNeeds,
  authority: Authority,
  { published, observer }: Published,
): Promise<Findings & { list?: Crl }> {
  const { hierarchy } = system.policies;
  const fetched = bodyOf(
    await fetchOwn(system, observer, { path: crlPath(hierarchy, authority.id), maxBytes: MAX_LIST_BYTES }),
  );
  const read = 'fault' in fetched ? fetched : readList(fetched.body, authority);
  if ('fault' in read) return { list_unverifiable: read.fault };
  const { list } = read;
  const known = { published, ...rhythmOf(hierarchy, authority), shownAfterMs: SERVED_AFTER_MS, now: system.clock() };
  return {
    list,
    list_unverifiable: null,
    list_went_back: wentBack(observer.seen, authority.id, list.number ?? 0n),
    list_stale: staleness(list, known) ?? null,
  };
}

async function observeFile(
  system: ObserverNeeds,
  { id, certificate }: Authority,
  observer: Observer,
): Promise<Findings> {
  const fetched = bodyOf(
    await fetchOwn(system, observer, {
      path: certificatePath(system.policies.hierarchy, id),
      maxBytes: MAX_CERTIFICATE_BYTES,
    }),
  );
  if ('fault' in fetched) return { authority_file_wrong: fetched.fault };
  const same = Buffer.compare(fetched.body, certificate.der) === 0;
  return { authority_file_wrong: same ? null : 'it is not our certificate, byte for byte' };
}

type Sampled = { readonly list: Crl | undefined; readonly living: readonly Living[] };

/** A live certificate is good and on no list, a listed one is revoked. */
async function observeOcsp(system: ObserverNeeds, issuer: Authority, { list, living }: Sampled): Promise<Findings> {
  const url = system.config.OBSERVER_OCSP_URL;
  if (url === undefined) return {};
  const alive = living.filter((row) => row.issuer === issuer.id);
  const serials = new Set(alive.map(({ serial }) => hex(serial)));
  const { last, listed } =
    list === undefined ? { last: [], listed: new Set() } : walkList(list, { newest: SAMPLE, serials });
  const asked = [
    ...alive.map(({ serial }) => ({
      serial,
      expected: listed.has(hex(serial)) ? ('revoked' as const) : ('good' as const),
    })),
    ...last.map(({ serial }) => ({ serial, expected: 'revoked' as const })),
  ];
  for (const { serial, expected } of asked) {
    const said = await askOcsp({ url, issuer, serial, now: system.clock });
    const what = 'fault' in said ? said.fault : said.status;
    if (what === expected || (await changedMeanwhile(system, issuer.id, { serial, expected }))) continue;
    return { ocsp_wrong: `of ${hex(serial)}, which is ${expected}: ${what}` };
  }
  return { ocsp_wrong: null };
}

/** Between the look at the database and the answer a live certificate may have been revoked. */
async function changedMeanwhile(
  { db }: ObserverNeeds,
  issuer: string,
  { serial, expected }: { serial: Uint8Array; expected: 'good' | 'revoked' },
): Promise<boolean> {
  if (expected === 'revoked') return false;
  return (await certificateStatus(db.read, issuer, serial))?.revokedAt !== undefined;
}

/** A path of our hierarchy, at the place where the observer is to look. One broken connection is no finding: it asks twice. */
async function fetchOwn(
  { config }: ObserverNeeds,
  { deadlineMs = DEADLINE_MS }: Observer,
  { path, maxBytes }: { readonly path: string; readonly maxBytes: number },
): Promise<Fetched> {
  const url = `${(config.OBSERVER_URL ?? '').replace(/\/$/, '')}${path}`;
  const first = await fetchBounded({ url, deadlineMs, maxBytes });
  return 'fault' in first ? fetchBounded({ url, deadlineMs, maxBytes }) : first;
}

const bodyOf = (fetched: Fetched): { readonly body: Uint8Array } | { readonly fault: string } =>
  'fault' in fetched || fetched.status === 200 ? fetched : { fault: `HTTP ${fetched.status}` };

/** If we stop between two, the next look tells the rest. */
async function tell(system: ObserverNeeds, subject: string, findings: Findings): Promise<number> {
  let wrong = 0;
  for (const [name, detail] of Object.entries(findings)) {
    const kind = name as AlarmKind;
    if (detail === null) await clearAlarm(system, { kind, subject });
    else {
      wrong += 1;
      await raiseAlarm(system, { kind, subject, detail });
    }
  }
  return wrong;
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
