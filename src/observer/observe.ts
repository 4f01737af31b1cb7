// The black-box observer: fetches our own CRLs, CA certificates and OCSP answers over the network, as a relying party would, believes
// nothing but signatures, and compares what comes with what was published. It never repairs anything: it raises alarms, and clears
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
import { readList, staleness, walkList } from './list.ts';
import { askOcsp } from './ocsp.ts';

const HOUR = 3_600_000;
const LEASE = 'observer';
/** One worker observes; when it dies, another one goes on after so long. */
const LEASE_MS = 10 * 60_000;
const DEADLINE_MS = 30_000;
/** A list of a million entries has 35 MB; what has far more is not ours. */
const MAX_LIST_BYTES = 100 * 1024 * 1024;
const MAX_CERTIFICATE_BYTES = 64 * 1024;
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
  /** when it last looked at everything, for metrics */
  readonly lastLook: { at?: Date };
  /** longest wait for one file, in milliseconds; 30,000 unless told */
  readonly deadlineMs?: number;
};

/** An observer that has seen nothing yet. */
export const newObserver = (holder: string): Observer => ({ holder, seen: new Map(), lastLook: {} });

/** Of each kind that was looked at: what is wrong, or null when it is right. What could not be looked at is absent. */
type Findings = Partial<Record<AlarmKind, string | null>>;

/**
 * Looks at everything once, unless another worker does; answers how many things are wrong, undefined when it did not look.
 * Off without OBSERVER_URL. Throws Outage when the database or the clock is away, never for what the network says.
 */
export async function observe(system: ObserverNeeds, observer: Observer): Promise<number | undefined> {
  if (system.config.OBSERVER_URL === undefined) return undefined;
  if ((await acquireLease(system.db.read, LEASE, observer.holder, LEASE_MS)) === undefined) return undefined;
  const known = await whatIsKnown(system);
  let wrong = 0;
  for (const authority of system.authorities.values()) {
    // One authority after the other: the observer is no load.
    const findings = await observeAuthority(system, authority, { ...known, observer });
    wrong += await tell(system, authority.id, findings);
  }
  observer.lastLook.at = system.clock();
  return wrong;
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
): Promise<Findings> {
  const published = known.lists.find(({ issuer }) => issuer === authority.id);
  // Nothing was published ever: the public has nothing to fetch, and igc doctor says so.
  const { list, ...ofList } =
    published === undefined ? {} : await observeList(system, authority, { published, ...known });
  const ofFile = await observeFile(system, authority, known.observer);
  const ofOcsp = known.answered.has(authority.id) ? await observeOcsp(system, authority, { list, ...known }) : {};
  return { ...ofList, ...ofFile, ...ofOcsp };
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
  const seen = observer.seen.get(authority.id);
  const number = list.number ?? 0n;
  if (seen === undefined || number > seen) observer.seen.set(authority.id, number);
  const { periodHours, validityHours } = hierarchy.crl[authority.kind];
  const hours = { periodMs: periodHours * HOUR, validityMs: validityHours * HOUR };
  return {
    list,
    list_unverifiable: null,
    list_went_back: seen !== undefined && number < seen ? `number ${number} came after ${seen}` : null,
    list_stale: staleness(list, { seen, published, ...hours, now: system.clock() }) ?? null,
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
