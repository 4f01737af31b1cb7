// GET /v1/certificates: the certificates of the caller's structures, page by page in JSON, or as one extract in CSV or NDJSON.

import { finished, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Refusal } from '../errors.ts';
import { errorFacts } from '../log.ts';
import { EXTRACT_ROWS, type ListQuery } from '../ra/list-certificates.ts';
import { preferredMediaType } from './accept.ts';
import { actorAgain, actorOf } from './actor.ts';
import { JSON_BODY } from './bodies.ts';
import { listedJson } from './certificate-summary.ts';
import { CSV, type ExtractType, extractText, NDJSON } from './extract.ts';
import type { HttpLog } from './http-log.ts';
import type { ApiLimits } from './limits.ts';
import {
  cursorAfter,
  DEFAULT_PAGE,
  filterOf,
  idOfCursor,
  ListQuerySchema,
  type ListQueryString,
} from './list-query.ts';
import { answerTooOften } from './problem.ts';
import { closed, problems } from './schemas.ts';
import type { ApiUseCases } from './use-cases.ts';

/** An extract that is read as it comes takes less. */
const RETRY_EXTRACT_SECONDS = 10;

type ExtractLimits = Pick<ApiLimits, 'extractDeadline' | 'extractsPerAdministrator'>;

const TYPES = [JSON_BODY, CSV, NDJSON] as const;

const Page = Type.Object(
  {
    certificates: Type.Array(Type.Unsafe({ $ref: 'CertificateSummary#' }), { description: 'Newest first.' }),
    links: Type.Object(
      {
        self: Type.String({ description: 'This page.', examples: ['/v1/certificates?profile=serv-ssl&limit=50'] }),
        next: Type.Optional(
          Type.String({
            description: 'The page after this one; absent at the end of the list.',
            examples: ['/v1/certificates?profile=serv-ssl&limit=50&cursor=AZjypF1OfDGbei8dPEtaaQ'],
          }),
        ),
      },
      closed,
    ),
  },
  closed,
);

const listed = {
  description: 'The page, or the extract in the format that Accept prefers.',
  headers: {
    Link: {
      type: 'string',
      description: 'The address of what follows, with rel="next" (RFC 8288); absent at the end.',
    },
  },
  content: {
    [JSON_BODY]: { schema: Page },
    'text/csv': { schema: { description: 'RFC 4180 with a header line, UTF-8. Every field is in quotes.' } },
    [NDJSON]: { schema: { description: 'One certificate a line, as in the pages but without links.' } },
  },
};

const listSchema = {
  operationId: 'listCertificates',
  tags: ['certificates'],
  summary: 'List certificates',
  description:
    'The certificates of your structures, newest first. All parameters narrow the list, and each may stand once. ' +
    'A page never repeats what an earlier one had, whatever is issued meanwhile. ' +
    `Ask for \`text/csv\` or \`${NDJSON}\` to get an extract instead of pages: up to ${EXTRACT_ROWS} certificates in one answer, each as it stands when it is read, with a Link header if there are more. ` +
    'In CSV an apostrophe stands before what a spreadsheet would take for a formula; import it as text, because some serial numbers look like numbers.',
  security: [{ clientCertificate: [] }],
  querystring: ListQuerySchema,
  response: { 200: listed, ...problems(400, 401, 403, 406, 429, 500, 503) },
};

type ListRequest = FastifyRequest<{ Querystring: ListQueryString }>;

export function certificateListRoutes(
  app: FastifyInstance,
  useCases: Pick<ApiUseCases, 'listCertificates' | 'extractCertificates'>,
  { log, limits }: { log: HttpLog | undefined; limits: ExtractLimits },
): void {
  const underWay = new Map<string, number>();

  async function answerExtract(request: ListRequest, reply: FastifyReply, type: ExtractType): Promise<FastifyReply> {
    const query = refuseLimit(request, queryOf(request));
    const { id } = query.actor;
    const others = underWay.get(id) ?? 0;
    if (others >= limits.extractsPerAdministrator) return answerTooOften(request, reply, RETRY_EXTRACT_SECONDS);
    underWay.set(id, others + 1);
    finished(reply.raw, () => {
      const left = (underWay.get(id) ?? 1) - 1;
      if (left > 0) underWay.set(id, left);
      else underWay.delete(id);
    });
    const extract = await useCases.extractCertificates({ ...query, again: () => actorAgain(request) });
    if (extract.next !== undefined) linkNext(reply, nextOf(request, extract.next));
    return sendExtract(request, reply, { type, extract, log, deadline: limits.extractDeadline });
  }

  app.get<{ Querystring: ListQueryString }>(
    '/v1/certificates',
    { schema: listSchema },
    async function listCertificates(request, reply) {
      const type = preferredMediaType(request.headers.accept, TYPES);
      if (type === undefined) throw new Refusal('not_acceptable', `the list is available as ${TYPES.join(', ')}`);
      reply.header('vary', 'Accept').header('content-type', type);
      if (type !== JSON_BODY) return answerExtract(request, reply, type);
      const { certificates, next } = await useCases.listCertificates({
        ...queryOf(request),
        limit: request.query.limit ?? DEFAULT_PAGE,
      });
      const links = {
        self: addressOf({ ...request.query }),
        ...(next === undefined ? {} : { next: nextOf(request, next) }),
      };
      if (links.next !== undefined) linkNext(reply, links.next);
      return reply.send({ certificates: certificates.map(listedJson), links });
    },
  );
}

function queryOf(request: ListRequest): ListQuery {
  const { cursor } = request.query;
  return {
    filter: filterOf(request.query),
    actor: actorOf(request),
    ...(cursor === undefined ? {} : { after: idOfCursor(cursor) }),
  };
}

function refuseLimit(request: ListRequest, query: ListQuery): ListQuery {
  if (request.query.limit === undefined) return query;
  throw new Refusal('body_malformed', 'an extract has no pages', [
    {
      rule: 'openapi.yaml listCertificates',
      at: 'query:/limit',
      detail: 'an extract has no pages',
      remedy: 'leave it out',
    },
  ]);
}

type Extract = {
  readonly type: ExtractType;
  readonly extract: Awaited<ReturnType<ApiUseCases['extractCertificates']>>;
  readonly log: HttpLog | undefined;
  /** in milliseconds */
  readonly deadline: number;
};

function sendExtract(
  request: ListRequest,
  reply: FastifyReply,
  { type, extract, log, deadline }: Extract,
): FastifyReply {
  const name = type === CSV ? 'certificates.csv' : 'certificates.ndjson';
  reply.header('content-disposition', `attachment; filename="${name}"`);
  if (request.method === 'HEAD') return reply.send('');
  const text = Readable.from(extractText(type, extract.certificates));
  // The status is gone already: the answer breaks off, which a client of chunked coding sees.
  text.on('error', (error) => log?.warn({ request: request.id, ...errorFacts(error) }, 'extract broke off'));
  // whoever reads drop by drop would hold it for hours
  const late = setTimeout(() => {
    log?.warn({ request: request.id }, 'extract was not read in time');
    reply.raw.destroy();
  }, deadline);
  finished(reply.raw, () => clearTimeout(late));
  return reply.send(text);
}

const nextOf = (request: ListRequest, id: string): string => addressOf({ ...request.query, cursor: cursorAfter(id) });

const linkNext = (reply: FastifyReply, address: string): FastifyReply =>
  reply.header('link', `<${address}>; rel="next"`);

/** The list under these parameters; those that were given, in their order. */
function addressOf(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  const text = new URLSearchParams(given).toString();
  return text === '' ? '/v1/certificates' : `/v1/certificates?${text}`;
}
