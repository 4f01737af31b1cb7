// The certificates of an administrator's own structures, page by page or as one extract that ends at a bound.

import { type CertificateFilter, idsOf, listCertificates, type Period } from '#db/certificate-list.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { type CertificateSummaryView, summaryViewOf, type VISIBLE_STATES } from './certificate-view.ts';
import type { AdministratorActor } from './find-actor.ts';

/** No extract has more rows than this; what follows is the next extract. */
export const EXTRACT_ROWS = 50_000;
/** Rows of an extract that are in memory at a time. */
const EXTRACT_PAGE = 500;

export type ListFilter = Pick<CertificateFilter, 'structure' | 'holder' | 'serial' | 'key' | 'profile'> & {
  readonly state?: (typeof VISIBLE_STATES)[number];
  readonly notBefore?: Period;
  readonly notAfter?: Period;
  readonly created?: Period;
};

export type ListQuery = {
  readonly filter: ListFilter;
  /** id of the last certificate that was seen: the list goes on behind it */
  readonly after?: string;
  readonly actor: AdministratorActor;
};

/** An extract is read for minutes: `again` answers the actor with the rights of the moment, or throws, before each page. */
export type ExtractQuery = ListQuery & { readonly again: () => Promise<AdministratorActor> };

/** Newest first; `next` is the id to go on after, absent at the end of the list. */
export type CertificatePage = { readonly certificates: readonly CertificateSummaryView[]; readonly next?: string };
export type CertificateExtract = {
  readonly certificates: AsyncIterable<CertificateSummaryView>;
  readonly next?: string;
};

type ListNeeds = Needs<'db' | 'clock'>;

/** One page of at most `limit`. Throws Refusal `not_allowed` for a structure that is not the actor's. */
export async function listVisibleCertificates(
  system: ListNeeds,
  query: ListQuery & { readonly limit: number },
): Promise<CertificatePage> {
  const now = system.clock();
  const page = { limit: query.limit + 1, now, after: query.after };
  const rows = await listCertificates(system.db.read, visible(query), page);
  const certificates = rows.slice(0, query.limit).map((row) => summaryViewOf(row, now));
  const last = certificates.at(-1);
  return { certificates, ...(rows.length > query.limit && last !== undefined ? { next: last.id } : {}) };
}

/**
 * Everything that fits the filter, up to `EXTRACT_ROWS`. Where it ends is known before the first row is read; each row is shown as
 * it stands when it is read. Throws Refusal `not_allowed` as above; that, Outage and what `again` throws also while the rows are taken.
 */
export async function extractCertificates(
  system: ListNeeds,
  query: ExtractQuery,
  bound: number = EXTRACT_ROWS,
): Promise<CertificateExtract> {
  const filter = visible(query);
  const now = system.clock();
  const last = await idsOf(system.db.read, filter, { limit: 2, offset: bound - 1, now, after: query.after });
  const [until, beyond] = last;
  return {
    certificates: rowsOf(system, query, { now, after: query.after, until }),
    ...(until === undefined || beyond === undefined ? {} : { next: until }),
  };
}

async function* rowsOf(
  system: ListNeeds,
  { filter, again }: ExtractQuery,
  { now, after, until }: { now: Date; after: string | undefined; until: string | undefined },
): AsyncGenerator<CertificateSummaryView> {
  let last = after;
  for (;;) {
    // no connection is held between two pages, however slowly the caller reads
    const allowed = visible({ filter, actor: await again() });
    const rows = await listCertificates(system.db.read, allowed, { limit: EXTRACT_PAGE, now, after: last, until });
    for (const row of rows) yield summaryViewOf(row, now);
    last = rows.at(-1)?.id;
    if (rows.length < EXTRACT_PAGE) return;
  }
}

function visible({ filter, actor }: ListQuery): CertificateFilter {
  if (filter.structure !== undefined && !actor.structures.includes(filter.structure)) {
    // the same answer for a structure that does not exist and for one of somebody else: nobody learns which exist
    throw new Refusal('not_allowed', 'no right to act for this structure', [
      {
        rule: 'a technical administrator acts for their own structures',
        at: 'query:/structure',
        detail: 'this structure is not among yours',
        remedy: 'leave it out to see the certificates of all your structures',
      },
    ]);
  }
  return { ...filter, among: actor.structures, issuedOnly: true };
}
