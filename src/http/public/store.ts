// The certificate store and the CRL store of RFC 4387: GET /certificates/search and /crls/search, and the same with the `.cgi` of §3.3,
// behind which no program runs.

import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { Refusal } from '../../errors.ts';
import type { StoreAnswer } from '../../store/search.ts';
import { cursorAfter } from '../list-query.ts';
import type { PublicUseCases } from '../use-cases.ts';
import { sendCacheable } from './caching.ts';
import { sendCrl } from './crl.ts';
import { AFTER, enumerates, parseCrlQuery, parseStoreQuery } from './store-query.ts';

/**
 * What is revoked leaves the store at once; a cache may have it for this long, and whoever uses it asks for its status anyway. Nobody
 * asks whether a consent was withdrawn, so that no cache may have what holds a mailbox.
 */
const MAX_AGE_SECONDS = 300;
const CERTIFICATE = 'application/pkix-cert';

type StoreUseCases = Pick<PublicUseCases, 'searchCertificates' | 'findCrlOf'>;

type StoreOptions = {
  /** for max-age and Expires */
  readonly clock: () => Date;
  /** counts the questions of each address by which the store could be copied */
  readonly limit: onRequestAsyncHookHandler;
};

export function storeRoutes(app: FastifyInstance, useCases: StoreUseCases, { clock, limit }: StoreOptions): void {
  const onRequest: onRequestAsyncHookHandler = async function limitEnumeration(request, reply) {
    return enumerates(request.raw.url ?? '/') ? limit.call(this, request, reply) : undefined;
  };
  const search = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const target = request.raw.url ?? '/';
    const { question, after } = parseStoreQuery(target);
    const answer = await useCases.searchCertificates(question, after);
    if (answer.next !== undefined) reply.header('link', `<${nextTarget(target, answer.next)}>; rel="next"`);
    return sendFound(request, reply, { answer, now: clock() });
  };
  const searchCrl = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const crl = await useCases.findCrlOf(parseCrlQuery(request.raw.url ?? '/'));
    if (crl === undefined) throw new Refusal('not_found', 'there is no such list');
    return sendCrl(request, reply, crl, clock());
  };
  for (const suffix of ['', '.cgi']) {
    const schema = { operationId: 'searchCertificates', hide: true };
    app.get(`/certificates/search${suffix}`, { schema, onRequest }, search);
    app.get(`/crls/search${suffix}`, { schema: { operationId: 'searchCrl', hide: true } }, searchCrl);
  }
}

type Found = { readonly answer: StoreAnswer; readonly now: Date };

/** §2: one certificate as it is, several as multipart/mixed, each verbatim and without an encoding of its own. */
function sendFound(request: FastifyRequest, reply: FastifyReply, { answer, now }: Found): FastifyReply {
  const { certificates } = answer;
  const [only, second] = certificates;
  if (only === undefined) throw new Refusal('not_found', 'there is no such certificate');
  const digest = digestOf(certificates);
  const boundary = `igc-${digest}`;
  const body = second === undefined ? only : multipart(certificates, boundary);
  reply.header('content-type', second === undefined ? CERTIFICATE : `multipart/mixed; boundary=${boundary}`);
  if (answer.holdsMailbox) return reply.header('cache-control', 'no-store, no-transform').send(Buffer.from(body));
  return sendCacheable(request, reply, body, {
    etag: `"${digest}"`,
    expires: new Date(now.getTime() + MAX_AGE_SECONDS * 1000),
    maxAgeSeconds: MAX_AGE_SECONDS,
  });
}

/** Stands in none of the certificates: they would have to hold a digest of themselves. */
function digestOf(certificates: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const der of certificates) hash.update(der);
  return hash.digest('hex').slice(0, 32);
}

/** RFC 2046 §5.1.1 Common Syntax. */
function multipart(certificates: readonly Uint8Array[], boundary: string): Buffer {
  const parts = certificates.flatMap((der) => [
    Buffer.from(`--${boundary}\r\nContent-Type: ${CERTIFICATE}\r\n\r\n`),
    der,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

/** The same question, from the next certificate on. */
function nextTarget(target: string, next: string): string {
  const [path = '', query = ''] = target.split('?', 2);
  const asked = query.split('&').filter((pair) => pair !== '' && !pair.startsWith(`${AFTER}=`));
  return `${path}?${[...asked, `${AFTER}=${cursorAfter(next)}`].join('&')}`;
}
