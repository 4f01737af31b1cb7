// Errors as problem details (RFC 9457), in French or English: the one place where a code becomes an HTTP status. What is neither
// a Refusal nor an Outage is shown as an incident identifier; its facts go to the log, without messages that could hold values.

import type { FastifyInstance, FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify';
import { type Finding, Outage, Refusal } from '../errors.ts';
import { errorFacts } from '../log.ts';
import { preferredLanguage } from './accept.ts';
import type { HttpLog } from './http-log.ts';
import { MAX_FINDINGS } from './limits.ts';
import { PROBLEMS, type ProblemCode, type ProblemText } from './problem-texts.ts';
import { isValidationError, validationFindings } from './validation.ts';

const PROBLEM_TYPE = 'application/problem+json';

type Problem = { readonly code: ProblemCode; readonly reason?: string; readonly findings?: readonly Finding[] };

const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_BAD_URL: 'request_malformed',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_not_supported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request_malformed',
};

/** What an error means to the caller. */
function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) {
    if (PROBLEMS[error.code].status >= 500) return { code: 'internal_error' };
    return { code: error.code, reason: error.message, findings: error.findings };
  }
  if (error instanceof Outage) return { code: 'service_unavailable' };
  if (!(error instanceof Error)) return { code: 'internal_error' };
  if (isValidationError(error)) {
    // a path that cannot name anything names nothing
    if (error.validationContext === 'params') return { code: 'not_found' };
    return { code: 'body_malformed', findings: validationFindings(error) };
  }
  const known = 'code' in error ? FASTIFY_CODES[String(error.code)] : undefined;
  if (known !== undefined) return { code: known };
  // Node and the packages around Fastify mark what the caller did with a 4xx status of their own
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 404) return { code: 'not_found' };
  return { code: status >= 400 && status < 500 ? 'request_malformed' : 'internal_error' };
}

/** The body of a problem document, in the words of `texts`; `requestId` is the UUID under which the log knows the request. */
function problemBody(problem: Problem, { title, detail }: ProblemText, requestId: string) {
  return {
    type: `/problems/${problem.code}`,
    title,
    status: PROBLEMS[problem.code].status,
    code: problem.code,
    detail,
    ...(problem.reason === undefined || problem.reason === '' ? {} : { reason: problem.reason }),
    findings: (problem.findings ?? []).slice(0, MAX_FINDINGS),
    instance: `urn:uuid:${requestId}`,
  };
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const kind = PROBLEMS[problem.code];
  const language = preferredLanguage(request.headers['accept-language']);
  // Fastify wants the connection closed when a body was not read; Node would then cut off callers that still send.
  if (reply.hasHeader('connection')) reply.removeHeader('connection');
  if (kind.retryAfter !== undefined && !reply.hasHeader('retry-after'))
    reply.header('retry-after', String(kind.retryAfter));
  // RFC 9110 §15.5.2 401 Unauthorized: a challenge is due, though TLS has no registered scheme
  if (kind.status === 401) reply.header('www-authenticate', 'ClientCertificate');
  return reply
    .code(kind.status)
    .header('content-type', PROBLEM_TYPE)
    .header('content-language', language)
    .header('vary', 'Accept-Language')
    .header('cache-control', 'no-store')
    .send(Buffer.from(JSON.stringify(problemBody(problem, kind[language], request.id))));
}

/** Answers a caller who comes too often; they may come again after so many seconds. */
export const answerTooOften = (request: FastifyRequest, reply: FastifyReply, seconds: number): FastifyReply =>
  sendProblem(request, reply.header('retry-after', String(seconds)), { code: 'rate_limited' });

/** Answers an error as a problem, and logs what the operator must know of it. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log?: HttpLog): FastifyReply {
  const problem = problemOf(error);
  if (problem.code === 'internal_error') log?.error({ incident: request.id, ...errorFacts(error) }, 'incident');
  else if (problem.code === 'service_unavailable') log?.warn({ request: request.id, ...errorFacts(error) }, 'outage');
  return sendProblem(request, reply, problem);
}

/**
 * Every error of this server, and every path that it does not know, becomes a problem document. For such a path only the hooks of
 * the root run: `countLost` is for limits that stand on scopes.
 */
export function answerWithProblems(
  app: FastifyInstance,
  { log, countLost = [] }: { log?: HttpLog | undefined; countLost?: preHandlerAsyncHookHandler | [] } = {},
): void {
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler({ preHandler: countLost }, (request, reply) =>
    sendProblem(request, reply, { code: 'not_found' }),
  );
}

/**
 * A whole HTTP response for a connection whose request never became one (Node's clientError event). Nobody knows which language
 * it would have asked for, so it is in both.
 */
export function rawProblem(code: ProblemCode, requestId: string): string {
  const { status, fr, en } = PROBLEMS[code];
  const both = { title: `${fr.title} / ${en.title}`, detail: `${fr.detail} / ${en.detail}` };
  const body = JSON.stringify(problemBody({ code }, both, requestId));
  return [
    `HTTP/1.1 ${status} ${en.title}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    'Content-Language: fr, en',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
