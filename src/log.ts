// Structured logs on stderr. Events are objects with identifiers and codes; names of people, request bodies, PINs and
// subjects are never handed to it, and what could carry them is redacted all the same.

import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

export type Log = Logger;

/** Fields that could carry a secret or a person, at the top of an event or one level below. */
const NEVER = [
  ...['pin', 'password', 'key', 'csr', 'body', 'authorization', 'headers', 'url', 'query'],
  ...['holder', 'subject', 'names', 'familyName', 'givenName', 'email', 'nationalId', 'idNatPs', 'registryNumber'],
];
const REDACTED = NEVER.flatMap((name) => [name, `*.${name}`]);

const stderr = (): DestinationStream => pino.destination({ fd: 2, sync: true });

/** errorFacts puts the class of an error under this name; whole errors have no business there. */
const errorOrWord = (value: unknown): unknown => (value instanceof Error ? errorFacts(value) : value);

/** A logger for one role; `level` comes from LOG_LEVEL. */
export function createLog(config: Config, role: string, to: DestinationStream = stderr()): Log {
  return pino(
    {
      level: config.LOG_LEVEL,
      base: { role, pid: process.pid },
      redact: { paths: REDACTED, censor: '[redacted]' },
      // an error that is handed over whole is cut down to its facts
      serializers: { err: errorFacts, error: errorOrWord },
    },
    to,
  );
}

/** What a log may say of an error: its class, its code or SQLSTATE, and where it happened; never its message, which may quote values. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const what = 'what' in error && typeof error.what === 'string' ? { what: error.what } : {};
  const cause = error.cause instanceof Error ? { cause: errorFacts(error.cause) } : {};
  return { error: error.name, ...code, ...what, ...cause, stack: framesOf(error) };
}

/** The frames alone: a message of several lines stands before them, and it may quote what a stranger sent. */
const framesOf = ({ stack = '', message }: Error): string[] =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line))
    .slice(0, 6)
    .map((line) => line.trim());
