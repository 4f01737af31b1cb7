// Indexes on tables that were there before and may be large. A migration that built them would hold up issuance, revocation and search
// to its end, and with its transaction sealer and relay; they are built beside the running service, once the migrations are applied.

import type { Client } from 'pg';

type LateIndex = {
  readonly name: string;
  /** what follows `create index … on` */
  readonly on: string;
  /** the migration, by its number, after which the schema has it */
  readonly migration: number;
  /** an index that serves nobody any more once this one is there */
  readonly insteadOf: string;
};

const LATE_INDEXES: readonly LateIndex[] = [
  {
    name: 'certificate_store_any_mailbox',
    on: 'certificate_store using gin (mailboxes)',
    migration: 9,
    insteadOf: 'certificate_store_mailboxes',
  },
];

/**
 * Builds what is missing after so many migrations, one index after the other; safe to repeat. Each waits, however long it takes, for the
 * transactions that were open when it began, and nobody waits for it. If we stop here, the index that was being built is left unusable,
 * and the next call begins with it again.
 */
export async function buildLateIndexes(
  client: Client,
  { migrations, progress }: { readonly migrations: number; readonly progress: (line: string) => void },
): Promise<void> {
  await client.query('set lock_timeout = 0');
  for (const { name, on, insteadOf } of LATE_INDEXES.filter(({ migration }) => migration < migrations)) {
    const usable = await isUsable(client, name);
    if (usable !== true) {
      progress(`database: index ${name} is being built; the service may run meanwhile`);
      if (usable === false) await client.query(`drop index concurrently ${name}`);
      await client.query(`create index concurrently ${name} on ${on}`);
    }
    await client.query(`drop index concurrently if exists ${insteadOf}`);
  }
}

/** The indexes that are not there, or unusable, after so many migrations. */
export async function missingIndexes(client: Client, migrations: number): Promise<string[]> {
  const missing: string[] = [];
  for (const { name, migration } of LATE_INDEXES)
    if (migration < migrations && (await isUsable(client, name)) !== true) missing.push(name);
  return missing;
}

/** Undefined when there is none by this name; false for one whose building was interrupted. */
async function isUsable(client: Client, name: string): Promise<boolean | undefined> {
  const { rows } = await client.query('select indisvalid as usable from pg_index where indexrelid = to_regclass($1)', [
    name,
  ]);
  return rows[0]?.usable;
}
