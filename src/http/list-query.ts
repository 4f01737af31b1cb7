// The query of the certificate list, read strictly: every parameter once, and each value in one form. What is wrong is said with
// its place, `query:/serial`.

import { type Static, Type } from 'typebox';
import { type Finding, Refusal } from '../errors.ts';
import { VISIBLE_STATES } from '../ra/certificate-view.ts';
import type { ListFilter } from '../ra/list-certificates.ts';
import { profileName, structIdNat } from './holder-schemas.ts';
import { closed } from './schemas.ts';

/** Rows of a page, unless `limit` says less. */
const MAX_PAGE = 100;

const DATE = '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,3})?(Z|[+-]\\d{2}:\\d{2}))?$';
const moment = (description: string) =>
  Type.Optional(
    Type.String({
      description: `${description} An RFC 3339 date-time (write \`+\` as \`%2B\`), or a date, which begins at 00:00 UTC.`,
      pattern: DATE,
      examples: ['2026-11-21'],
    }),
  );

export const ListQuerySchema = Type.Object(
  {
    structure: Type.Optional(structIdNat),
    holder: Type.Optional(
      Type.String({
        description: 'National identifier of the holder: Struct_IdNat of a structure, IdNat_PS of a person.',
        pattern: '^[!-~]{1,128}$',
        examples: ['899700075064'],
      }),
    ),
    serial: Type.Optional(
      Type.String({
        description: 'Serial number in hexadecimal, with or without colons, in capitals or not.',
        pattern: '^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){7,19}$',
        examples: ['5f0c9d1b3a7e42688c1d9e0f2b4a6c81'],
      }),
    ),
    key: Type.Optional(
      Type.String({
        description:
          'Digest of a public key, as `keyDigest` shows it: the same for whatever can be derived from one private key. docs/api.md has the commands that compute it.',
        pattern: '^[0-9A-Fa-f]{64}$',
        examples: ['6f1ed002ab5595859014ebf0951522d9a8a1e4b8c0e2a5ee9ea3a5c9bd5cf2f1'],
      }),
    ),
    profile: Type.Optional(profileName),
    state: Type.Optional(
      Type.Unsafe<(typeof VISIBLE_STATES)[number]>({
        type: 'string',
        enum: [...VISIBLE_STATES],
        description: 'The state at this moment: `expired` was not revoked, `issued` is neither.',
      }),
    ),
    notBeforeFrom: moment('Valid from this moment on or from a later one.'),
    notBeforeTo: moment('Valid from an earlier moment.'),
    notAfterFrom: moment('Valid until this moment or a later one.'),
    notAfterTo: moment('Valid until an earlier moment.'),
    createdFrom: moment('Recorded at this moment or later.'),
    createdTo: moment('Recorded before.'),
    limit: Type.Optional(
      Type.Integer({
        description: 'Certificates of a page; not for extracts.',
        minimum: 1,
        maximum: MAX_PAGE,
        default: 50,
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        description: 'Where to go on: taken from a `next` link, with the same parameters as before.',
        pattern: '^[A-Za-z0-9_-]{22}$',
        examples: ['AZjypF1OfDGbei8dPEtaaQ'],
      }),
    ),
  },
  closed,
);

export type ListQueryString = Static<typeof ListQuerySchema>;

export const DEFAULT_PAGE = 50;

/** The filter that a query asks for. Throws Refusal `body_malformed` for a day that no calendar has. */
export function filterOf(query: ListQueryString): ListFilter {
  const { structure, holder, serial, key, profile, state } = query;
  return {
    ...(structure === undefined ? {} : { structure }),
    ...(holder === undefined ? {} : { holder }),
    ...(serial === undefined ? {} : { serial: Buffer.from(serial.replaceAll(':', ''), 'hex') }),
    ...(key === undefined ? {} : { key: Buffer.from(key, 'hex') }),
    ...(profile === undefined ? {} : { profile }),
    ...(state === undefined ? {} : { state }),
    ...periods(query),
  };
}

function periods(query: ListQueryString): Pick<ListFilter, 'notBefore' | 'notAfter' | 'created'> {
  const findings: Finding[] = [];
  const read = (name: `${'notBefore' | 'notAfter' | 'created'}${'From' | 'To'}`): Date | undefined => {
    const text = query[name];
    if (text === undefined) return undefined;
    const date = parseMoment(text);
    if (date === undefined)
      findings.push({ rule: 'RFC 3339 §5.7 Restrictions', at: `query:/${name}`, detail: 'there is no such moment' });
    return date;
  };
  const found = {
    notBefore: { from: read('notBeforeFrom'), to: read('notBeforeTo') },
    notAfter: { from: read('notAfterFrom'), to: read('notAfterTo') },
    created: { from: read('createdFrom'), to: read('createdTo') },
  };
  if (findings.length > 0) throw new Refusal('body_malformed', 'a date of the query is none', findings);
  return found;
}

/** The moment that an RFC 3339 date-time or a date names; undefined for anything else, such as 30 February, which JavaScript would take for 2 March. */
export function parseMoment(text: string): Date | undefined {
  if (!new RegExp(DATE).test(text)) return undefined;
  const day = text.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  const whole = new Date(text.length === 10 ? `${text}T00:00:00Z` : text);
  const exists = !Number.isNaN(midnight.getTime()) && midnight.toISOString().slice(0, 10) === day;
  return exists && !Number.isNaN(whole.getTime()) ? whole : undefined;
}

/** The cursor that goes on after this certificate; opaque to callers. */
export const cursorAfter = (id: string): string => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');

/** The id that `cursorAfter` made a cursor of. Throws Refusal `body_malformed`. */
export function idOfCursor(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex');
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (cursorAfter(id) === cursor) return id;
  throw new Refusal('body_malformed', 'the cursor of the query is none', [
    { rule: 'openapi.yaml listCertificates', at: 'query:/cursor', detail: 'this is no cursor of a next link' },
  ]);
}
