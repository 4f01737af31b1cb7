// The tables as the processes of an earlier version know them: read from the snapshots that lie beside the migrations.

import { readFileSync } from 'node:fs';

const META = new URL('../../db/migrations/meta/', import.meta.url);

type SnapshotColumn = {
  readonly name: string;
  readonly type: string;
  readonly primaryKey: boolean;
  /** computed by the database from the rest of the row; nobody writes it */
  readonly generated?: unknown;
  readonly identity?: unknown;
};
type SnapshotTable = {
  readonly name: string;
  readonly columns: Readonly<Record<string, SnapshotColumn>>;
  readonly compositePrimaryKeys: Readonly<Record<string, { readonly columns: readonly string[] }>>;
  readonly uniqueConstraints: Readonly<Record<string, { readonly columns: readonly string[] }>>;
};

export type KnownTable = {
  readonly name: string;
  readonly types: ReadonlyMap<string, string>;
  /** columns that a process of that version may name when it writes */
  readonly written: readonly string[];
  /** of these, the ones that it may name in an UPDATE */
  readonly changed: readonly string[];
  readonly primaryKey: readonly string[];
  /** what ON CONFLICT may name, the primary key included */
  readonly uniqueKeys: readonly (readonly string[])[];
};

/** The schema after the migration with this index. */
export function schemaAfter(migration: number): readonly KnownTable[] {
  const file = new URL(`${String(migration).padStart(4, '0')}_snapshot.json`, META);
  const { tables }: { tables: Record<string, SnapshotTable> } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.values(tables).map(knownTable);
}

function knownTable({ name, columns, compositePrimaryKeys, uniqueConstraints }: SnapshotTable): KnownTable {
  const all = Object.values(columns);
  const [composite] = Object.values(compositePrimaryKeys);
  const primaryKey = composite?.columns ?? all.filter((column) => column.primaryKey).map((column) => column.name);
  const written = all.filter(({ generated }) => generated === undefined);
  return {
    name,
    primaryKey,
    // a collation is no part of the type as PostgreSQL shows it
    types: new Map(all.map((column) => [column.name, column.type.replace(/ collate .*/, '')])),
    written: written.map((column) => column.name),
    changed: written.filter(({ identity }) => identity === undefined).map((column) => column.name),
    uniqueKeys: [primaryKey, ...Object.values(uniqueConstraints).map((unique) => unique.columns)],
  };
}
