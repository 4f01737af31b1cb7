// HTTP caching for what relying parties fetch: validators, freshness, and 304 where the caller has it already.
// RFC 9110 §13 Conditional Requests, RFC 9111 §5.2 Cache-Control

import type { FastifyReply, FastifyRequest } from 'fastify';

type Freshness = {
  /** as the header carries it, quotes included */
  readonly etag: string;
  readonly lastModified?: Date;
  readonly expires: Date;
  readonly maxAgeSeconds: number;
  /** further directives, such as `must-revalidate` */
  readonly directives?: readonly string[];
};

/** Whole seconds from one moment to a later one, never below zero. */
export const secondsBetween = (from: Date, to: Date): number =>
  Math.max(0, Math.floor((to.getTime() - from.getTime()) / 1000));

/** Sends the body with its caching headers, or 304 without it when the caller's copy is still the same. */
export function sendCacheable(
  request: FastifyRequest,
  reply: FastifyReply,
  body: Uint8Array,
  freshness: Freshness,
): FastifyReply {
  const { etag, lastModified, expires, maxAgeSeconds, directives = [] } = freshness;
  reply
    .header('etag', etag)
    .header('expires', expires.toUTCString())
    .header('cache-control', ['public', `max-age=${maxAgeSeconds}`, 'no-transform', ...directives].join(', '));
  if (lastModified !== undefined) reply.header('last-modified', lastModified.toUTCString());
  if (isUnchanged(request, freshness)) return reply.code(304).removeHeader('content-type').send();
  return reply.send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

/** RFC 9110 §13.2.2 Precedence: If-None-Match alone counts when it is there; its comparison is the weak one. */
function isUnchanged(request: FastifyRequest, { etag, lastModified }: Freshness): boolean {
  const { 'if-none-match': known, 'if-modified-since': since } = request.headers;
  if (known !== undefined) {
    return known.trim() === '*' || [...known.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag);
  }
  if (since === undefined || lastModified === undefined) return false;
  return Date.parse(since) >= Math.floor(lastModified.getTime() / 1000) * 1000;
}
