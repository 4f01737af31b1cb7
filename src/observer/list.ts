// What a relying party thinks of a CRL that it was given. Pure.

import type { Authority } from '../authority.ts';
import type { Hierarchy } from '../policy/hierarchy.ts';
import { parseSignatureAlgorithm, verifySignature } from '../x509/algorithms.ts';
import { type Crl, type CrlEntry, parseCrl } from '../x509/crl.ts';
import { DerError } from '../x509/der.ts';

/** A list that can be believed, or why not. */
export type ReadList = { readonly list: Crl } | { readonly fault: string };

/** Reads a list strictly and verifies its signature with the authority's key (RFC 5280 §6.3.3 CRL Processing). Never throws for what it contains. */
export function readList(der: Uint8Array, { certificate, verifyingKey }: Authority): ReadList {
  let list: Crl;
  try {
    list = parseCrl(der);
  } catch (error) {
    if (error instanceof DerError || error instanceof RangeError) return { fault: 'it is not a CRL' };
    throw error;
  }
  if (Buffer.compare(list.issuer, certificate.subject) !== 0) return { fault: 'it is the CRL of another authority' };
  const algorithm = parseSignatureAlgorithm(list.signatureAlgorithm);
  if (algorithm === undefined || !verifySignature(algorithm, verifyingKey, list.tbs, list.signature))
    return { fault: 'its signature is not of this authority’s key' };
  if (list.number === undefined) return { fault: 'it has no number' };
  return { list };
}

/** A list of a million entries has 35 MB; what has far more is not ours. */
export const MAX_LIST_BYTES = 100 * 1024 * 1024;
export const MAX_CERTIFICATE_BYTES = 64 * 1024;

const HOUR = 3_600_000;

/** How often lists of an authority are made, and how long each lasts. */
export function rhythmOf({ crl }: Hierarchy, { kind }: Pick<Authority, 'kind'>): Rhythm {
  const { periodHours, validityHours } = crl[kind];
  return { periodMs: periodHours * HOUR, validityMs: validityHours * HOUR };
}

/** Why a list went back, null when it did not; notes the highest number that came from this place. */
export function wentBack(seen: Map<string, bigint>, place: string, number: bigint): string | null {
  const before = seen.get(place);
  if (before === undefined || number > before) seen.set(place, number);
  return before !== undefined && number < before ? `number ${number} came after ${before}` : null;
}

/** In milliseconds: from the making of one list to that of the next, and to its end. */
type Rhythm = { readonly periodMs: number; readonly validityMs: number };

/** What is known of an authority's lists without asking the network. */
export type KnownLists = Rhythm & {
  readonly published: { readonly number: number; readonly thisUpdate: Date };
  /** how long after its publication a list may not be shown yet */
  readonly shownAfterMs: number;
  readonly now: Date;
};

/** How far the clocks of a relying party and ours may differ. */
const SKEW_MS = 5 * 60_000;

/**
 * Why a believable list is stale; undefined when it is not. Between two lists a relying party has validity less period in hand: when
 * half of that is gone, nobody publishes any more, and there is still time.
 */
export function staleness(
  list: Pick<Crl, 'number' | 'thisUpdate' | 'nextUpdate'>,
  { published, periodMs, validityMs, shownAfterMs, now }: KnownLists,
): string | undefined {
  const left = list.nextUpdate.getTime() - now.getTime();
  if (left <= 0) return `number ${list.number} ended at ${list.nextUpdate.toISOString()}`;
  if (left < (validityMs - periodMs) / 2) return `number ${list.number} ends at ${list.nextUpdate.toISOString()}`;
  if (list.thisUpdate.getTime() > now.getTime() + SKEW_MS) return `number ${list.number} begins in the future`;
  const outdated = now.getTime() - published.thisUpdate.getTime() > shownAfterMs;
  if (outdated && (list.number ?? 0n) < BigInt(published.number))
    return `number ${list.number} is shown, and ${published.number} is of ${published.thisUpdate.toISOString()}`;
  return undefined;
}

/** The newest of its entries, which come last; and those among `serials` that are on it, as hexadecimal. One walk. */
export function walkList(
  list: Crl,
  { newest, serials }: { readonly newest: number; readonly serials: ReadonlySet<string> },
): { readonly last: readonly CrlEntry[]; readonly listed: ReadonlySet<string> } {
  const last: CrlEntry[] = [];
  const listed = new Set<string>();
  for (const entry of list.entries) {
    last.push(entry);
    if (last.length > newest) last.shift();
    const serial = Buffer.from(entry.serial).toString('hex');
    if (serials.has(serial)) listed.add(serial);
  }
  return { last, listed };
}
