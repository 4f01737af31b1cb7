// GET /v1/directory: certificates of a structure, or of names that begin alike, for anyone. It searches and never lists: whoever wants
// everybody is told to wait.

import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { type Static, Type } from 'typebox';
import { Refusal } from '../../errors.ts';
import { type DirectoryAnswer, type DirectoryEntry, SHORTEST_NAME, searchableName } from '../../store/directory.ts';
import { profileName, structIdNat } from '../holder-schemas.ts';
import { closed, json, problems } from '../schemas.ts';
import type { PublicUseCases } from '../use-cases.ts';

const PAGE = 20;
const MOST = 50;

const DirectoryQuery = Type.Object(
  {
    structure: Type.Optional(structIdNat),
    name: Type.Optional(
      Type.String({
        description: `How the name begins: of a person surname and given name, of a service its common name. Case and accents do not matter. At least ${SHORTEST_NAME} characters.`,
        minLength: 1,
        maxLength: 160,
        examples: ['durand an'],
      }),
    ),
    profile: Type.Optional(profileName),
    limit: Type.Optional(Type.Integer({ description: 'Entries of a page.', minimum: 1, maximum: MOST, default: PAGE })),
    cursor: Type.Optional(
      Type.String({
        description: 'Where to go on: taken from a `next` link, with the same parameters as before.',
        pattern: '^[A-Za-z0-9_-]{22,1200}$',
        examples: ['AZjypF1OfDGbei8dPEtaaWR1cmFuZCBhbm5l'],
      }),
    ),
  },
  closed,
);

const text = (description: string, example: string) => Type.String({ description, examples: [example] });
const moment = (description: string, example: string) =>
  Type.String({ description, format: 'date-time', examples: [example] });

const Entry = Type.Object(
  {
    profile: text('The profile under which it was issued.', 'serv-ssl'),
    issuer: text('The CA that issued it.', 'ACI-EL-ORG-TEST'),
    serial: text('Serial number in lower-case hexadecimal.', '5f0c9d1b3a7e42688c1d9e0f2b4a6c81'),
    subject: Type.Optional(
      text(
        'Subject (RFC 4514); absent where it holds a mailbox to which nobody has consented.',
        'CN=www.exemple.fr,OU=10B0000001,O=ETABLISSEMENT DE TEST,ST=Paris (75),C=FR',
      ),
    ),
    structure: Type.Optional(text('The structure that it names (Struct_IdNat).', '10B0000001')),
    mailboxes: Type.Array(Type.String(), { description: 'Those whose holder has consented.' }),
    notBefore: moment('Valid from.', '2026-11-21T13:58:00.000Z'),
    notAfter: moment('Valid until.', '2029-11-21T13:58:00.000Z'),
    links: Type.Object(
      { certificate: text('The certificate, in DER.', '/certificates/search?certHash=lkxwxB7JCOXKRSUQ1sgoOhrB3%2BI') },
      closed,
    ),
  },
  closed,
);

const Page = Type.Object(
  {
    entries: Type.Array(Entry, {
      description: 'In the order of names. A page may have none, or few, and a `next` all the same.',
    }),
    links: Type.Object(
      {
        next: Type.Optional(text('The next page; absent on the last.', '/v1/directory?structure=10B0000001&cursor=…')),
      },
      closed,
    ),
  },
  closed,
);

const directorySchema = {
  operationId: 'searchDirectory',
  tags: ['directory'],
  summary: 'Search the directory',
  description:
    'Certificates that are in force, and that the policy of their profile makes public, of a structure or of names that begin alike; none that holds a mailbox to which nobody has consented. Needs no client certificate.',
  querystring: DirectoryQuery,
  response: { 200: json('One page.', Page), ...problems(400, 429, 500, 503) },
};

type Query = Static<typeof DirectoryQuery>;

/** `limit` counts the questions of each address. */
export function directoryRoutes(
  app: FastifyInstance,
  useCases: Pick<PublicUseCases, 'searchDirectory'>,
  limit: onRequestAsyncHookHandler,
): void {
  app.get<{ Querystring: Query }>(
    '/v1/directory',
    { schema: directorySchema, onRequest: limit },
    async function searchDirectory(request, reply) {
      const { cursor, limit: most = PAGE, ...query } = request.query;
      checkQuestion(query);
      const after = cursor === undefined ? {} : { after: placeOfCursor(cursor) };
      const answer = await useCases.searchDirectory({ ...query, limit: most, ...after });
      return reply.header('cache-control', 'no-store').send(pageJson(answer, request.query));
    },
  );
}

function checkQuestion({ structure, name }: Query): void {
  const detail = name === undefined ? missingIn(structure) : wrongIn(name);
  if (detail === undefined) return;
  const at = name === undefined ? 'query:' : 'query:/name';
  throw new Refusal('body_malformed', detail, [{ rule: 'openapi-public.yaml searchDirectory', at, detail }]);
}

const missingIn = (structure: string | undefined): string | undefined =>
  structure === undefined ? 'a structure, or how a name begins, is to be searched for' : undefined;

function wrongIn(name: string): string | undefined {
  // no name has them, and PostgreSQL takes no text with U+0000
  if (/\p{Cc}/u.test(name)) return 'a name has no control characters';
  return searchableName(name) === undefined ? `a name has at least ${SHORTEST_NAME} characters` : undefined;
}

function pageJson({ entries, next }: DirectoryAnswer, query: Query) {
  const parameters = new URLSearchParams(
    Object.entries({ ...query, ...(next === undefined ? {} : { cursor: cursorOf(next) }) }).map(
      ([name, value]) => [name, String(value)] as [string, string],
    ),
  );
  return {
    entries: entries.map(entryJson),
    links: next === undefined ? {} : { next: `/v1/directory?${parameters}` },
  };
}

const entryJson = (entry: DirectoryEntry) => ({
  profile: entry.profile,
  issuer: entry.issuer,
  serial: Buffer.from(entry.serial).toString('hex'),
  ...(entry.subject === undefined ? {} : { subject: entry.subject }),
  ...(entry.structure === undefined ? {} : { structure: entry.structure }),
  mailboxes: [...entry.mailboxes],
  notBefore: entry.notBefore.toISOString(),
  notAfter: entry.notAfter.toISOString(),
  links: { certificate: `/certificates/search?certHash=${encodeURIComponent(hashText(entry.certHash))}` },
});

const hashText = (hash: Uint8Array): string => Buffer.from(hash).toString('base64').replace(/=+$/, '');

type Place = NonNullable<DirectoryAnswer['next']>;
const UUID_OCTETS = 16;

/** Sixteen octets of the id, and the name in UTF-8 behind them; opaque to callers. */
const cursorOf = ({ id, soughtName }: Place): string =>
  Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), Buffer.from(soughtName)]).toString('base64url');

/** What `cursorOf` made a cursor of. Throws Refusal `body_malformed`. */
function placeOfCursor(cursor: string): Place {
  const octets = Buffer.from(cursor, 'base64url');
  const id = octets
    .subarray(0, UUID_OCTETS)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const place = { id, soughtName: octets.subarray(UUID_OCTETS).toString('utf8') };
  if (cursorOf(place) === cursor && !/\p{Cc}/u.test(place.soughtName)) return place;
  throw new Refusal('body_malformed', 'the cursor of the query is none', [
    {
      rule: 'openapi-public.yaml searchDirectory',
      at: 'query:/cursor',
      detail: 'this is no cursor of a next link',
    },
  ]);
}
