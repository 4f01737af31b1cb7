// drizzle over pg, with every error of the driver translated before a query function sees it.

import { type NodePgClient, NodePgDatabase, NodePgSession } from 'drizzle-orm/node-postgres';
import type { PreparedQueryConfig } from 'drizzle-orm/pg-core';
import { PgDialect } from 'drizzle-orm/pg-core';
import { translate } from './query-error.ts';

/** The way to ask the database, inside a transaction or not. Other rooms only pass it on to the query functions. */
export type Tx = Pick<NodePgDatabase, 'select' | 'selectDistinctOn' | 'insert' | 'update' | 'delete' | 'execute'>;

type NoTables = Record<string, never>;
const dialect = new PgDialect();

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
  return new NodePgDatabase(dialect, new Session(client, dialect, undefined), undefined);
}
