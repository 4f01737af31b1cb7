// The published CRLs as the public role serves them: by the path that certificates carry, whole or not at all.

import { createHash } from 'node:crypto';
import { latestCrl, latestCrlNumber } from '#db/crls.ts';
import { Outage } from '../errors.ts';
import { crlPath } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';

export type PublishedFile = {
  readonly der: Uint8Array;
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly etag: string;
};

export type FindCrl = (path: string) => Promise<PublishedFile | undefined>;

/**
 * A finder that keeps each authority's last CRL in memory and asks the database only whether there is a newer one.
 * While the database is away it goes on serving what it has: a CRL says itself until when it is good.
 */
export function createCrlFinder(system: Needs<'db' | 'policies' | 'authorities'>): FindCrl {
  const byPath = new Map(
    [...system.authorities.keys()].map((id) => [decodeURI(crlPath(system.policies.hierarchy, id)), id]),
  );
  const kept = new Map<string, PublishedFile>();
  return async (path) => {
    const id = byPath.get(path);
    if (id === undefined) return undefined;
    const last = kept.get(id);
    try {
      const number = await latestCrlNumber(system.db.read, id);
      if (number === undefined || number === last?.number) return last;
      const row = await latestCrl(system.db.read, id);
      if (row === undefined) return last;
      const file = { ...row, etag: `"${createHash('sha256').update(row.der).digest('hex').slice(0, 32)}"` };
      kept.set(id, file);
      return file;
    } catch (error) {
      if (error instanceof Outage && last !== undefined) return last;
      throw error;
    }
  };
}
