// What processes write to a database, row by row as they write it, so that the same writes can be done again as a process of another
// version would have done them.

import type { Client } from 'pg';

/** One row written, with every column as JSON. */
export type Write = {
  readonly table: string;
  readonly act: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly row: Readonly<Record<string, unknown>>;
};

const tablesOf = async (client: Client): Promise<readonly string[]> =>
  (await client.query(`select tablename from pg_tables where schemaname = 'public' order by 1`)).rows.map(
    ({ tablename }) => tablename,
  );

/** From now on every write is recorded, in the order in which it is done. What a trigger writes is left out: it is no process’s. */
export async function recordWrites(client: Client): Promise<void> {
  const tables = await tablesOf(client);
  await client.query(`
    create schema recorded;
    create table recorded.write (n bigint generated always as identity, "table" text, act text, "row" jsonb);
    create function recorded.note() returns trigger language plpgsql as $$
    begin
      if pg_trigger_depth() = 1 then
        insert into recorded.write ("table", act, "row") values (tg_table_name, tg_op, to_jsonb(coalesce(new, old)));
      end if;
      return null;
    end $$;`);
  for (const table of tables)
    await client.query(
      `create trigger noted after insert or update or delete on ${table} for each row execute function recorded.note()`,
    );
}

/** Everything that was recorded and committed, in its order. */
export const recordedWrites = async (client: Client): Promise<readonly Write[]> =>
  (await client.query<Write>('select "table", act, "row" from recorded.write order by n')).rows;

/** Every row of a table as JSON, in no order that means anything. */
export const rowsOf = async (client: Client, table: string): Promise<readonly Write['row'][]> =>
  (await client.query(`select to_jsonb(t) as "row" from ${table} t order by to_jsonb(t)::text`)).rows.map(
    ({ row }) => row,
  );
