// The header Idempotency-Key: a caller who repeats a request under one key wants one act. This reads the key and says what
// "the same request" means; whether it came before is for the use cases to know.

import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';
import type { Idempotency } from '../ra/once.ts';
import { bodyTypeOf, bytesOf } from './bodies.ts';

const KEY = /^[\x20-\x7e]{1,255}$/;

/** The key of a request with the digest of what it asks for; an empty object without the header. Throws Refusal `idempotency_key_malformed`. */
export function idempotencyOf(request: FastifyRequest): { idempotency?: Idempotency } {
  const { rawHeaders } = request.raw;
  const keys = rawHeaders.filter(
    (_, index) => index % 2 === 1 && /^idempotency-key$/i.test(rawHeaders[index - 1] ?? ''),
  );
  const [key] = keys;
  if (key === undefined) return {};
  if (keys.length > 1 || !KEY.test(key)) {
    throw new Refusal('idempotency_key_malformed', 'the Idempotency-Key cannot be used', [
      {
        rule: 'openapi.yaml Idempotency-Key',
        at: 'header:Idempotency-Key',
        detail: '1 to 255 printable ASCII characters, once',
      },
    ]);
  }
  return { idempotency: { key, bodyDigest: requestDigest(request) } };
}

/** SHA-256 over method, target with its query, media type and body; none of the first three can hold the NUL between them. */
function requestDigest(request: FastifyRequest): Uint8Array {
  const head = [request.method, request.raw.url ?? '', bodyTypeOf(request), ''].join('\0');
  return createHash('sha256').update(head).update(bytesOf(request)).digest();
}
