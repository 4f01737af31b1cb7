// What the next CRL of an authority would say, for people who want to know before a number is taken. Nothing is written or signed.

import { latestCrl, nextCrlNumber } from '#db/crls.ts';
import { listRevoked } from '#db/revocations.ts';
import { Refusal } from '../errors.ts';
import { parseCrl, parseTbsCertList } from '../x509/crl.ts';
import { wholeSecond } from '../x509/seconds.ts';
import type { PublishedCrl, PublishNeeds } from './publish.ts';
import type { RootCrlCommand } from './publish-root.ts';
import { nextUpdateOf } from './schedule.ts';
import { refuseLostEntries } from './succession.ts';

type Elsewhere = Pick<RootCrlCommand, 'kept' | 'attempted'>;

/**
 * Number, times and entries of the list that publishCrl would make now. `elsewhere` are the lists of a root that this database may
 * not know. Throws Refusal `not_found`, and whatever would stop the publication.
 */
export async function previewCrl(
  system: PublishNeeds,
  id: string,
  elsewhere: Elsewhere = { kept: undefined, attempted: [] },
): Promise<Omit<PublishedCrl, 'der'>> {
  const authority = system.authorities.get(id);
  if (authority === undefined) throw new Refusal('not_found', `there is no certification authority ${id}`);
  const { entries, previous, number } = await system.db.transaction(
    async (tx) => ({
      entries: await listRevoked(tx, id),
      previous: await latestCrl(tx, id),
      number: await nextCrlNumber(tx, id),
    }),
    { isolation: 'repeatable read', readOnly: true },
  );
  if (previous !== undefined) await refuseLostEntries(system.db.read, id, { previous, draft: entries });
  const thisUpdate = wholeSecond(system.clock());
  const nextUpdate = nextUpdateOf(system.policies.hierarchy, authority, thisUpdate);
  const known = numbersOf(elsewhere).reduce((high, taken) => (taken >= high ? taken + 1n : high), number);
  return { number: known, thisUpdate, nextUpdate, entries: entries.length };
}

const numbersOf = ({ kept, attempted }: Elsewhere): readonly bigint[] =>
  [...(kept === undefined ? [] : [parseCrl(kept)]), ...attempted.map((tbs) => parseTbsCertList(tbs))].flatMap(
    ({ number }) => number ?? [],
  );
