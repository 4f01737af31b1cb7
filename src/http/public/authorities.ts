// CA certificates and their chain, under the very URLs that certificates carry (RFC 5280 §4.2.2.1 Authority Information Access).

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthorityFile } from '../use-cases.ts';
import { sendCacheable } from './caching.ts';

/** These files change only when a CA gets a new certificate. */
const MAX_AGE_SECONDS = 86_400;

export function sendAuthorityFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: AuthorityFile,
  now: Date,
): FastifyReply {
  reply.header('content-type', file.contentType);
  return sendCacheable(request, reply, file.der, {
    etag: file.etag,
    expires: new Date(now.getTime() + MAX_AGE_SECONDS * 1000),
    maxAgeSeconds: MAX_AGE_SECONDS,
  });
}
