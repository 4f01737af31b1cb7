// The kinds of body that the API takes, each read by a parser of ours; every other Content-Type is answered 415 before a
// byte of the body is read. The bytes are kept beside what was read: the Idempotency-Key speaks of bytes.

import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import { Refusal } from '../errors.ts';
import { parseJson } from './json.ts';

export const JSON_BODY = 'application/json';
/** RFC 5967 §2 Registration of application/pkcs10: the body is the DER encoding, nothing around it */
export const PKCS10_BODY = 'application/pkcs10';

/** RFC 2046 §5.2.1 RFC822 Subtype: a mail as it came, header and all */
export const MESSAGE_BODY = 'message/rfc822';

type BodyType = typeof JSON_BODY | typeof PKCS10_BODY | typeof MESSAGE_BODY;

const CONTENT_TYPE = /^([a-z]+\/[a-z0-9.+-]+)(?:[ \t]*;[ \t]*charset=("?)utf-8\2)?$/i;

const received = new WeakMap<FastifyRequest, Buffer>();

/** Leaves bodies where they are, of whatever kind: who is nobody, or asks for nothing that exists, has none read. */
export function readNoBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/** Replaces Fastify's parsers, which repair and guess, by ours. */
export function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(JSON_BODY, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    received.set(request, body);
    return parseJson(body);
  });
  app.addContentTypeParser(PKCS10_BODY, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    received.set(request, body);
    return body;
  });
}

/** The same where a mail is the only body. */
export function acceptMessages(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(MESSAGE_BODY, { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => body);
}

/** The body of a request byte for byte; empty before it was read. */
export const bytesOf = (request: FastifyRequest): Uint8Array => received.get(request) ?? new Uint8Array();

/** The media type of the body, without parameters, for a request that `requireBody` let through. */
export const bodyTypeOf = (request: FastifyRequest): string =>
  CONTENT_TYPE.exec(request.headers['content-type'] ?? '')?.[1]?.toLowerCase() ?? '';

/** Lets only these media types through: one Content-Type, no other charset than UTF-8, nothing compressed. Answers 415 otherwise. */
export function requireBody(...types: readonly BodyType[]): onRequestHookHandler {
  return (request, _reply, done) => {
    const given = request.headers['content-type'] ?? '';
    const [, type, charset] = CONTENT_TYPE.exec(given) ?? [];
    const known = types.find((candidate) => candidate === type?.toLowerCase());
    const plain = (request.headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity';
    const once =
      request.raw.rawHeaders.filter((name, index) => index % 2 === 0 && /^content-type$/i.test(name)).length === 1;
    const charsetFits = charset === undefined || known === JSON_BODY;
    if (known !== undefined && charsetFits && once && plain) return done();
    done(
      new Refusal('media_type_not_supported', `this operation takes ${types.join(' or ')}`, [
        {
          rule: 'RFC 9110 §8.3 Content-Type',
          at: 'header:Content-Type',
          detail: `one of ${types.join(', ')}, in UTF-8, not compressed`,
        },
      ]),
    );
  };
}
