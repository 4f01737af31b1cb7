// What the directory shows of an authority to whoever reads it: by the URL in the certificates that it issued, without a name. A long
// list that was found right is not fetched again at each look, as it is over HTTP: a directory has no cache that would spare it.

import { createHash } from 'node:crypto';
import type { PublishedList } from '#db/gauges.ts';
import type { Authority } from '../authority.ts';
import { type Hierarchy, ldapPlace, ldapUrl } from '../policy/hierarchy.ts';
import type { Crl } from '../x509/crl.ts';
import type { Findings } from './findings.ts';
import { MAX_CERTIFICATE_BYTES, MAX_LIST_BYTES, readList, rhythmOf, staleness, wentBack } from './list.ts';

/** Reads one value of an entry; never throws for what the network says. */
export type LookAt = (look: {
  readonly dn: string;
  readonly attribute: string;
  readonly maxBytes: number;
}) => Promise<{ readonly body: Uint8Array } | { readonly fault: string }>;

/** The directory, with what is kept between two looks: the list of each authority that was found right last. */
export type DirectoryView = { readonly look: LookAt; readonly lists: Map<string, KeptList> };

type KeptList = Pick<Crl, 'thisUpdate' | 'nextUpdate'> & {
  readonly number: bigint;
  readonly bytes: number;
  readonly digest: string;
  readonly at: Date;
};

/** A list with more bytes is fetched once an hour while nothing newer was published, and no list of more than `MAX_LIST_BYTES`. */
const LONG_BYTES = 1024 * 1024;
const AGAIN_MS = 3_600_000;
/** The worker writes a list within seconds, and its copies may take minutes. */
const SHOWN_AFTER_MS = 15 * 60_000;

export type DirectoryKnown = {
  readonly directory: DirectoryView;
  readonly hierarchy: Hierarchy;
  /** highest number of the list by place, as it was fetched */
  readonly seen: Map<string, bigint>;
  /** the name of this place */
  readonly subject: string;
  /** absent where nothing was published ever */
  readonly published: PublishedList | undefined;
  /** the list that HTTP shows, where somebody looked */
  readonly shown: Crl | undefined;
  readonly now: Date;
};

/** Looks at certificate and list of an authority. */
export async function observeDirectory(authority: Authority, known: DirectoryKnown): Promise<Findings> {
  const { dn, attribute } = ldapPlace(ldapUrl(known.hierarchy, authority.id, 'certificateRevocationList'));
  const ofList =
    known.published === undefined ? {} : await observeList(authority, known.published, { ...known, dn, attribute });
  return { ...ofList, ...(await observeCertificate(authority, known.directory, dn)) };
}

async function observeCertificate({ certificate }: Authority, { look }: DirectoryView, dn: string): Promise<Findings> {
  const found = await lookTwice(look, { dn, attribute: 'cACertificate;binary', maxBytes: MAX_CERTIFICATE_BYTES });
  if ('fault' in found) return { authority_file_wrong: found.fault };
  const same = Buffer.compare(found.body, certificate.der) === 0;
  return { authority_file_wrong: same ? null : 'it is not our certificate, byte for byte' };
}

async function observeList(
  authority: Authority,
  published: PublishedList,
  known: DirectoryKnown & { readonly dn: string; readonly attribute: string },
): Promise<Findings> {
  const { directory, hierarchy, seen, subject, shown, now } = known;
  const list = keptList(known, authority.id, published) ?? (await fetchList(authority, known));
  if ('fault' in list) return { list_unverifiable: list.fault };
  directory.lists.set(authority.id, list);
  const other = shown?.number === list.number && shown !== undefined && digestOf(shown) !== list.digest;
  const rhythm = { published, ...rhythmOf(hierarchy, authority), shownAfterMs: SHOWN_AFTER_MS, now };
  return {
    list_unverifiable: other ? `HTTP shows another list under its number ${list.number}` : null,
    list_went_back: wentBack(seen, subject, list.number),
    list_stale: staleness(list, rhythm) ?? null,
  };
}

/** What was read last, where reading it again would cost more than it tells. */
function keptList({ directory, now }: DirectoryKnown, id: string, { number }: PublishedList): KeptList | undefined {
  const kept = directory.lists.get(id);
  if (kept === undefined || kept.bytes <= LONG_BYTES || kept.number !== BigInt(number)) return undefined;
  return now.getTime() - kept.at.getTime() < AGAIN_MS ? kept : undefined;
}

async function fetchList(
  authority: Authority,
  { directory, dn, attribute, now }: DirectoryKnown & { readonly dn: string; readonly attribute: string },
): Promise<KeptList | { readonly fault: string }> {
  directory.lists.delete(authority.id);
  const found = await lookTwice(directory.look, { dn, attribute, maxBytes: MAX_LIST_BYTES });
  const read = 'fault' in found ? found : readList(found.body, authority);
  if ('fault' in read) return read;
  const { number = 0n, thisUpdate, nextUpdate } = read.list;
  const bytes = 'fault' in found ? 0 : found.body.length;
  return { number, thisUpdate, nextUpdate, bytes, digest: digestOf(read.list), at: now };
}

const digestOf = ({ tbs }: Crl): string => createHash('sha256').update(tbs).digest('hex');

/** One broken connection is no finding. */
async function lookTwice(look: LookAt, at: Parameters<LookAt>[0]): ReturnType<LookAt> {
  const first = await look(at);
  return 'fault' in first ? look(at) : first;
}
