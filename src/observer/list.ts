// What a relying party thinks of a CRL that it was given. Pure.

import type { Authority } from '../authority.ts';
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

/** What is known of an authority's lists without asking the network. */
export type KnownLists = {
  /** the highest number that was fetched before */
  readonly seen: bigint | undefined;
  readonly published: { readonly number: number; readonly thisUpdate: Date };
  /** from the making of one list to that of the next, and to its end, in milliseconds */
  readonly periodMs: number;
  readonly validityMs: number;
  readonly now: Date;
};

/** Caches may keep a list for an hour; beyond that, and a little more, a newer one has to be served. */
const SERVED_AFTER_MS = 65 * 60_000;
/** How far the clocks of a relying party and ours may differ. */
const SKEW_MS = 5 * 60_000;

/**
 * Why a believable list is stale; undefined when it is not. Between two lists a relying party has validity less period in hand: when
 * half of that is gone, nobody publishes any more, and there is still time.
 */
export function staleness(list: Crl, { published, periodMs, validityMs, now }: KnownLists): string | undefined {
  const left = list.nextUpdate.getTime() - now.getTime();
  if (left <= 0) return `number ${list.number} ended at ${list.nextUpdate.toISOString()}`;
  if (left < (validityMs - periodMs) / 2) return `number ${list.number} ends at ${list.nextUpdate.toISOString()}`;
  if (list.thisUpdate.getTime() > now.getTime() + SKEW_MS) return `number ${list.number} begins in the future`;
  const outdated = now.getTime() - published.thisUpdate.getTime() > SERVED_AFTER_MS;
  if (outdated && (list.number ?? 0n) < BigInt(published.number))
    return `number ${list.number} is served, and ${published.number} was published more than an hour ago`;
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
