// drizzle over pg, with every error of the driver translated before a query function sees it.

import type { SQL } from 'drizzle-orm';
import { type NodePgClient, NodePgDatabase, NodePgSession } from 'drizzle-orm/node-postgres';
import type { PreparedQueryConfig } from 'drizzle-orm/pg-core';
import { PgDialect } from 'drizzle-orm/pg-core';
import { Client, type QueryResult } from 'pg';
import { translate } from './query-error.ts';

/** The way to ask the database, inside a transaction or not. Other rooms only pass it on to the query functions. */
export type Tx = Pick<NodePgDatabase, 'select' | 'selectDistinctOn' | 'insert' | 'update' | 'delete' | 'execute'>;

type NoTables = Record<string, never>;
const dialect = new PgDialect();
const clients = new WeakMap<Tx, NodePgClient>();

// drizzle's own error holds all parameters in its message. prepareQuery is the one place every query passes.
class Session extends NodePgSession<NoTables, NoTables> {
  override prepareQuery<T extends PreparedQueryConfig>(
    ...args: Parameters<NodePgSession<NoTables, NoTables>['prepareQuery']>
  ) {
    const query = super.prepareQuery<T>(...args);
    const execute = query.execute.bind(query);
    query.execute = async (values) => {
      try {
        return await execute(values);
      } catch (error) {
        throw translate(error);
      }
    };
    return query;
  }
}

/** Queries over a pool (each in a transaction of its own) or over one client. */
export function queriesOn(client: NodePgClient): Tx {
  const tx = new NodePgDatabase(dialect, new Session(client, dialect, undefined), undefined);
  clients.set(tx, client);
  return tx;
}

type Prepared<Result> = { execute(values: Record<string, unknown>): Promise<Result> };

/** A client that is never connected: drizzle writes statements on it that others then run. */
const unconnectedSession: NodePgSession<NoTables, NoTables> = new NodePgSession(new Client(), dialect, undefined);
const unconnected = new NodePgDatabase(dialect, unconnectedSession, undefined);

/**
 * A query that is asked for with every issuance: drizzle writes its text once in the life of the process, and PostgreSQL parses it
 * once on each connection, under `name`. What changes are the `sql.placeholder`s in it; in a condition they go to the driver as they
 * are, in what is inserted or set as their column wants them. Not for queries whose best plan depends on the values.
 */
export function statement<Values extends Record<string, unknown>, Result>(
  name: string,
  write: (tx: Tx) => { prepare(name: string): Prepared<Result> },
): (tx: Tx, values: Values) => Promise<Result> {
  let written: Prepared<Result> | undefined;
  return async (tx, values) => {
    const client = clients.get(tx);
    if (client === undefined) throw new TypeError('a statement runs on what queriesOn gave');
    written ??= write(unconnected).prepare(name);
    // the same statement on another client: all that drizzle keeps in it but the client is the same for everyone
    const query: Prepared<Result> = Object.assign(Object.create(Object.getPrototypeOf(written)), written, { client });
    try {
      return await query.execute(values);
    } catch (error) {
      throw translate(error);
    }
  };
}

/** The same for a query in SQL of its own, such as one that writes several tables at once. Times in its rows are text. */
export const rawStatement = <Row extends Record<string, unknown>>(name: string, query: SQL) =>
  statement<Record<string, unknown>, QueryResult<Row>>(name, () => ({
    prepare: (as) =>
      unconnectedSession.prepareQuery<PreparedQueryConfig & { execute: QueryResult<Row> }>(
        dialect.sqlToQuery(query),
        undefined,
        as,
        false,
      ),
  }));
