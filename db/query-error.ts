// What may be told of a failed query: its SQLSTATE and the names of table and constraint, never a value, a parameter or a
// message of the server, all of which carry personal data.

import { DrizzleQueryError } from 'drizzle-orm/errors';
import { DatabaseError } from 'pg';
import { Outage } from '../src/errors.ts';

/** A query that the database refused: a bug, unless the query expects this constraint to be violated. */
export class QueryError extends Error {
  readonly sqlState: string;
  readonly constraint: string | undefined;
  constructor(sqlState: string, constraint?: string) {
    super(`the database refused a query: SQLSTATE ${sqlState}${constraint ? ` (${constraint})` : ''}`);
    this.name = 'QueryError';
    this.sqlState = sqlState;
    this.constraint = constraint;
  }
}

/** Whether `error` is the violation of the named constraint, unique index or guard. */
export function violates(error: unknown, constraint: string): boolean {
  return error instanceof QueryError && error.constraint === constraint;
}

// Classes and codes of PostgreSQL's Appendix A after which the same request may succeed: connection and authorisation at
// connect, resources (disk full), operator intervention, timeouts, deadlock, a standby after failover, I/O.
const PASSING = /^(08|28|3D|53|57P|57014$|40001$|40P01$|55P03$|25006$|25P03$|25P04$|58030$)/;

/** Turns what pg or drizzle throws into Outage('database') or QueryError; other errors (bugs of ours) come back as they are. */
export function translate(error: unknown): unknown {
  if (error instanceof DrizzleQueryError) return translateDriver(error.cause);
  return error instanceof DatabaseError ? translateDriver(error) : error;
}

/** The same for an error that came straight from the driver, where anything without a SQLSTATE is a lost connection. */
export function translateDriver(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    const sqlState = error.code ?? 'XX000';
    return PASSING.test(sqlState) ? away(sqlState) : new QueryError(sqlState, error.constraint);
  }
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return away(errorCode(error));
}

function away(code: string): Outage {
  return new Outage('database', `the database is away (${code})`, { cause: code });
}

function errorCode(error: unknown): string {
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'connection lost';
}
