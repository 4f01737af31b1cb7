// The published CRLs as the public role serves them: by the path that certificates carry, whole or not at all.

import { createHash } from 'node:crypto';
import type { Database } from '#db/connect.ts';
import { latestCrl, latestCrlNumber } from '#db/crls.ts';
import { Outage } from '../errors.ts';
import { crlPath } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';
import { storeKeysOf } from '../x509/store-keys.ts';

export type PublishedFile = {
  readonly der: Uint8Array;
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly etag: string;
};

export type FindCrl = (path: string) => Promise<PublishedFile | undefined>;

/** How old the answer to "is there a newer one" may be: a herd of clients asks the database once. */
const ASK_EVERY_MS = 1_000;

type Kept = { readonly file: PublishedFile | undefined; readonly askedAt: number };

/**
 * A finder that keeps each authority's last CRL in memory and asks the database, at most once a second, only whether there is a
 * newer one; however many ask at once, one load is under way. It never goes back to a lower number, as a lagging standby would.
 * While the database is away it goes on serving what it has: a CRL says itself until when it is good.
 */
export function createCrlFinder(
  system: Needs<'db' | 'policies' | 'authorities'>,
  monotonic: () => number = () => performance.now(),
): FindCrl {
  const byPath = new Map(
    [...system.authorities.keys()].map((id) => [decodeURI(crlPath(system.policies.hierarchy, id)), id]),
  );
  const kept = new Map<string, Kept>();
  const loading = new Map<string, Promise<PublishedFile | undefined>>();

  const load = async (id: string): Promise<PublishedFile | undefined> => {
    const askedAt = monotonic();
    const last = kept.get(id)?.file;
    try {
      const file = await newerThan(system.db, id, last);
      kept.set(id, { file, askedAt });
      return file;
    } catch (error) {
      if (error instanceof Outage && last !== undefined) return last;
      throw error;
    } finally {
      loading.delete(id);
    }
  };

  return async (path) => {
    const id = byPath.get(path);
    if (id === undefined) return undefined;
    const known = kept.get(id);
    if (known !== undefined && monotonic() - known.askedAt < ASK_EVERY_MS) return known.file;
    const underWay = loading.get(id) ?? load(id);
    loading.set(id, underWay);
    return underWay;
  };
}

async function newerThan(
  db: Database,
  id: string,
  last: PublishedFile | undefined,
): Promise<PublishedFile | undefined> {
  const number = await latestCrlNumber(db.read, id);
  if (number === undefined || (last !== undefined && number <= last.number)) return last;
  const row = await latestCrl(db.read, id);
  if (row === undefined) return last;
  return { ...row, etag: `"${createHash('sha256').update(row.der).digest('hex').slice(0, 32)}"` };
}

type CrlQuestion = { readonly by: 'iHash' | 'sKIDHash'; readonly key: Uint8Array };

/** Finds the last CRL of the authority whose name, or whose key identifier, has this search key (RFC 4387 §2.2). */
export function createCrlSearch(
  { policies, authorities }: Needs<'policies' | 'authorities'>,
  find: FindCrl,
): (question: CrlQuestion) => Promise<PublishedFile | undefined> {
  const known = [...authorities.values()].map(({ id, certificate }) => ({ id, keys: storeKeysOf(certificate) }));
  return async ({ by, key }) => {
    const issuer = known.find(({ keys }) => {
      const own = by === 'iHash' ? keys.subject : keys.keyIdentifier;
      return own !== undefined && Buffer.compare(own, key) === 0;
    });
    return issuer && find(decodeURI(crlPath(policies.hierarchy, issuer.id)));
  };
}
