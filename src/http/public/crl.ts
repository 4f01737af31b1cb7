// Certificate revocation lists over HTTP (RFC 5280 §4.2.1.13 CRL Distribution Points; media type of RFC 2585 §4.2).

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PublishedCrl } from '../use-cases.ts';
import { secondsBetween, sendCacheable } from './caching.ts';

/** A new list may follow a revocation long before nextUpdate, so no cache keeps an old one for longer than this. */
const LONGEST_MAX_AGE_SECONDS = 3_600;

export function sendCrl(request: FastifyRequest, reply: FastifyReply, crl: PublishedCrl, now: Date): FastifyReply {
  const maxAgeSeconds = Math.min(LONGEST_MAX_AGE_SECONDS, secondsBetween(now, crl.nextUpdate));
  reply.header('content-type', 'application/pkix-crl');
  return sendCacheable(request, reply, crl.der, {
    etag: crl.etag,
    lastModified: crl.thisUpdate,
    expires: new Date(now.getTime() + maxAgeSeconds * 1000),
    maxAgeSeconds,
  });
}
