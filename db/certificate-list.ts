// Certificates by what is known of them, newest first and page by page. A page is found in indexes alone, so that a million rows
// that are not shown cost no visit each; only then are its rows read.

import { desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { type CertificateState, type CertificateSummary, revocationColumns, summaryColumns } from './certificates.ts';
import type { Tx } from './connect.ts';
import { present } from './rows.ts';
import { certificate } from './schema/certificates.ts';
import { revocation } from './schema/revocations.ts';

/** From a moment on, and before another; either may be open. */
export type Period = { readonly from?: Date | undefined; readonly to?: Date | undefined };

/** Every part narrows the list further. */
export type CertificateFilter = {
  /** Struct_IdNat of the only structures whose certificates may be seen */
  readonly among?: readonly string[];
  /** leaves out what was never issued: rows that are being signed, unsigned and burnt ones */
  readonly issuedOnly?: boolean;
  /** Struct_IdNat */
  readonly structure?: string;
  /** structIdNat, idNat of a person or CA id */
  readonly holder?: string;
  readonly serial?: Uint8Array;
  /** `keyDigest` of the public key */
  readonly key?: Uint8Array;
  readonly profile?: string;
  readonly state?: ListedState;
  readonly notBefore?: Period;
  readonly notAfter?: Period;
  readonly created?: Period;
};

/** The state of a row at a moment: of those that were issued, `issued` are neither revoked nor expired, and `expired` are not revoked. */
export const LISTED_STATES = ['issued', 'revoked', 'expired', 'signing', 'unsigned', 'burnt'] as const;
export type ListedState = (typeof LISTED_STATES)[number];

export type PageOfList = {
  readonly limit: number;
  /** the moment at which `expired` is meant */
  readonly now: Date;
  /** id of the last certificate of the page before: older ones follow */
  readonly after?: string | undefined;
  /** id of the oldest certificate that may stand in the page */
  readonly until?: string | undefined;
};

/** The state that a list shows at a moment. */
export function listedState(
  row: Pick<CertificateSummary, 'state' | 'revocation' | 'notAfter'>,
  now: Date,
): ListedState {
  if (row.state !== 'issued') return row.state;
  if (row.revocation !== undefined) return 'revoked';
  return row.notAfter < now ? 'expired' : 'issued';
}

/**
 * Certificates without their bytes, newest first. Pages neither repeat nor leave out a row that was there when the first was read:
 * new rows come before them.
 */
export async function listCertificates(
  tx: Tx,
  filter: CertificateFilter,
  page: PageOfList,
): Promise<CertificateSummary[]> {
  return await summariesOf(tx, await idsOf(tx, filter, page));
}

/** The ids of `limit` certificates from the one at `offset` on, in the order of the list. */
export async function idsOf(tx: Tx, filter: CertificateFilter, page: Slice): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(pageQuery(filter, page));
  return rows.map(({ id }) => id);
}

type Slice = PageOfList & { readonly offset?: number };

/** The statement that finds the ids of a page. */
export function pageQuery(filter: CertificateFilter, slice: Slice): SQL {
  const conditions = conditionsOf(filter, slice);
  const { serial, key, among } = filter;
  const own =
    filter.structure === undefined
      ? among
      : among === undefined || among.includes(filter.structure)
        ? [filter.structure]
        : [];
  if (key !== undefined) return fewOf(sql`key_digest = ${key}`, withStructures(conditions, own), slice);
  if (serial !== undefined) {
    // the serial is unique with its issuer, and indexed so
    const issued = sql`issuer in (select id from certification_authority) and serial = ${serial}`;
    return fewOf(issued, withStructures(conditions, own), slice);
  }
  const [structure] = own ?? [];
  if (own !== undefined && own.length === 1)
    return sql`select id from certificate ${where([sql`structure = ${structure}`, ...conditions])} ${ordered(slice)}`;
  // a holder's rows are few, or all of one structure; and beyond so many structures one search through all rows is shorter
  if (own === undefined || filter.holder !== undefined || own.length > MANY_STRUCTURES)
    return sql`select id from certificate ${where(withStructures(conditions, own))} ${ordered(slice)}`;
  // each structure has its index entries in the order of the list: so many of each suffice, whatever there is
  const { limit, offset = 0 } = slice;
  return sql`
    select page.id from unnest(string_to_array(${own.join(' ')}, ' ')) as own (struct_id_nat)
    cross join lateral (
      select id from certificate ${where([sql`structure = own.struct_id_nat`, ...conditions])}
      order by id desc limit ${limit + offset}
    ) as page ${ordered(slice)}`;
}

const MANY_STRUCTURES = 300;

/** Rows of which an index finds a handful; materialised, so that no other index tempts the planner into a long search. */
const fewOf = (found: SQL, conditions: readonly SQL[], slice: Slice): SQL => sql`
  with found as materialized (select * from certificate where ${found})
  select id from found ${where(conditions)} ${ordered(slice)}`;

const withStructures = (conditions: readonly SQL[], own: readonly string[] | undefined): readonly SQL[] =>
  own === undefined ? conditions : [...conditions, sql`structure = any (string_to_array(${own.join(' ')}, ' '))`];

const ordered = ({ limit, offset = 0 }: Slice): SQL => sql`order by id desc limit ${limit} offset ${offset}`;
const where = (conditions: readonly SQL[]): SQL =>
  conditions.length === 0 ? sql`` : sql`where ${sql.join([...conditions], sql` and `)}`;

function conditionsOf(filter: CertificateFilter, { after, until, now }: PageOfList): SQL[] {
  const { holder, profile, state } = filter;
  return [
    ...(after === undefined ? [] : [sql`id < ${after}`]),
    ...(until === undefined ? [] : [sql`id >= ${until}`]),
    ...(holder === undefined ? [] : [sql`holder_key = ${holder}`]),
    ...(profile === undefined ? [] : [sql`profile = ${profile}`]),
    ...(filter.issuedOnly === true ? [sql`state = 'issued'`] : []),
    ...(state === undefined ? [] : stateConditions(state, now)),
    ...period(sql`not_before`, filter.notBefore),
    ...period(sql`not_after`, filter.notAfter),
    ...period(sql`created_at`, filter.created),
    ...idsWithin(filter.created),
  ];
}

/** How far the moment in a row's id and its created_at may differ: two clocks, and a wait for a connection. */
const ID_SLACK_MS = 5 * 60_000;

/** An id begins with the moment when it was made, so that a period of creation is a stretch of every index that ends in ids. */
const idsWithin = ({ from, to }: Period = {}): SQL[] => [
  ...(from === undefined ? [] : [sql`id >= ${firstIdOf(from.getTime() - ID_SLACK_MS)}`]),
  ...(to === undefined ? [] : [sql`id < ${firstIdOf(to.getTime() + ID_SLACK_MS)}`]),
];

/** RFC 9562 §5.7 UUID Version 7: 48 bits of milliseconds come first. */
function firstIdOf(ms: number): string {
  const hex = Math.min(Math.max(ms, 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** As `listedState` tells it. */
function stateConditions(state: ListedState, now: Date): SQL[] {
  switch (state) {
    case 'revoked':
      return [sql`state = 'issued'`, sql`revoked_at is not null`];
    case 'expired':
      return [sql`state = 'issued'`, sql`revoked_at is null`, sql`not_after < ${now}`];
    case 'issued':
      return [sql`state = 'issued'`, sql`revoked_at is null`, sql`not_after >= ${now}`];
    default:
      return [sql`state = ${state satisfies CertificateState}`];
  }
}

const period = (column: SQL, { from, to }: Period = {}): SQL[] => [
  ...(from === undefined ? [] : [sql`${column} >= ${from}`]),
  ...(to === undefined ? [] : [sql`${column} < ${to}`]),
];

/** What a search looks at before it sorts: beyond so many names that begin alike, the newest may be missing. */
const SEARCHED_NAMES = 10_000;

/**
 * Certificates whose serial, holder or structure is this text, or whose subject begins with it; `CN=` may be left out, and case does
 * not matter in subjects. Only the first 64 characters of a subject are searched. Newest first, without their bytes.
 */
export async function searchCertificates(tx: Tx, text: string, limit: number): Promise<CertificateSummary[]> {
  const beginning = text.includes('=') ? text : `CN=${text}`;
  const pattern = `${beginning
    .slice(0, 64)
    .toLowerCase()
    .replace(/[\\%_]/g, '\\$&')}%`;
  const hex = text.replaceAll(':', '').toLowerCase();
  const serial = /^([0-9a-f]{2}){1,20}$/.test(hex) ? hex : '';
  const { rows } = await tx.execute<{ id: string }>(sql`
    with named as materialized (
      select id from certificate where lower(left(subject, 64)) like ${pattern} limit ${SEARCHED_NAMES}
    ), found as (
      select id from named
      union select id from certificate
        where issuer in (select id from certification_authority) and serial = decode(${serial}, 'hex')
      union (select id from certificate where holder_key = ${text} order by id desc limit ${limit})
      union (select id from certificate where structure = ${text} order by id desc limit ${limit})
    )
    select id from found order by id desc limit ${limit}`);
  return await summariesOf(
    tx,
    rows.map(({ id }) => id),
  );
}

async function summariesOf(tx: Tx, ids: readonly string[]): Promise<CertificateSummary[]> {
  if (ids.length === 0) return [];
  const rows = await tx
    .select({ ...summaryColumns, revocation: revocationColumns })
    .from(certificate)
    .leftJoin(revocation, eq(revocation.certificateId, certificate.id))
    .where(inArray(certificate.id, [...ids]))
    .orderBy(desc(certificate.id));
  return rows.map(present);
}
