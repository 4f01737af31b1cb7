// OCSP over HTTP: POST with the request as body, GET with the request in base64 as path (RFC 6960 Appendix A.1). What cannot be
// read or answered gets an OCSP error, never an HTTP one, because that is what OCSP clients understand.

import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Outage } from '../../errors.ts';
import { errorFacts } from '../../log.ts';
import { DerError } from '../../x509/der.ts';
import { ocspErrorResponse } from '../../x509/ocsp.ts';
import type { HttpLog } from '../http-log.ts';
import type { OcspAnswer, PublicUseCases } from '../use-cases.ts';
import { sendCacheable } from './caching.ts';

export type OcspService = { readonly respondOcsp: PublicUseCases['respondOcsp']; readonly log?: HttpLog | undefined };

/** RFC 5019 §5 says 255 for clients; we read what older and more talkative ones send. */
const LONGEST_PATH = 2_048;

/** A SEQUENCE in base64 begins with `M`; a path that does not is not an OCSP request but some other address. */
const BASE64_SEQUENCE = /^M[A-Za-z0-9+/]*={0,2}$/;

/** The base64 text of a GET request, or undefined when the decoded path is something else. Doubled slashes in front are forgiven. */
export function ocspText(path: string): string | undefined {
  const text = path.replace(/^\/+/, '');
  return BASE64_SEQUENCE.test(text) ? text : undefined;
}

/** Answers a GET; `text` comes from `ocspText`. Padding may be missing, as some clients leave it off. */
export async function answerGet(
  request: FastifyRequest,
  reply: FastifyReply,
  service: OcspService & { text: string },
): Promise<FastifyReply> {
  const bare = service.text.replace(/=+$/, '');
  const readable = service.text.length <= LONGEST_PATH && bare.length % 4 !== 1;
  const { der, cache } = readable ? await respond(request, Buffer.from(bare, 'base64'), service) : MALFORMED;
  reply.header('content-type', 'application/ocsp-response');
  if (cache === undefined) return sendUncached(reply, der);
  // RFC 5019 §6.2 HTTP Response Headers: Last-Modified is thisUpdate, Expires is nextUpdate, max-age lies before it
  return sendCacheable(request, reply, der, {
    etag: `"${createHash('sha256').update(der).digest('hex')}"`,
    lastModified: cache.thisUpdate,
    expires: cache.nextUpdate,
    maxAgeSeconds: cache.maxAgeSeconds,
    directives: ['must-revalidate'],
  });
}

/** Answers a POST; never cached, because its caller asked this server. */
export async function answerPost(
  request: FastifyRequest,
  reply: FastifyReply,
  service: OcspService & { body: Uint8Array },
): Promise<FastifyReply> {
  const { der } = await respond(request, service.body, service);
  return sendUncached(reply.header('content-type', 'application/ocsp-response'), der);
}

const sendUncached = (reply: FastifyReply, der: Uint8Array): FastifyReply =>
  reply.header('cache-control', 'no-store').send(Buffer.from(der));

const MALFORMED: OcspAnswer = { der: ocspErrorResponse('malformedRequest') };

/** RFC 6960 §2.3 Exception Cases: each has its answer, and none is an HTTP error. */
async function respond(
  request: FastifyRequest,
  der: Uint8Array,
  { respondOcsp, log }: OcspService,
): Promise<OcspAnswer> {
  try {
    return await respondOcsp(der);
  } catch (error) {
    if (error instanceof DerError) return MALFORMED;
    const outage = error instanceof Outage;
    log?.[outage ? 'warn' : 'error']({ incident: request.id, ...errorFacts(error) }, outage ? 'outage' : 'incident');
    return { der: ocspErrorResponse(outage ? 'tryLater' : 'internalError') };
  }
}
