// What a run needs before anything is started: a hierarchy whose CA keys are of one kind, in a copy of the policies and in tokens of
// its own, and a PostgreSQL that keeps its promises. The hierarchies are kept in var/bench, for RSA-4096 keys take half a minute.

import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { openDatabase } from '#db/connect.ts';
import { type Cluster, startCluster } from '../scripts/cluster.ts';
import { createHierarchy } from '../scripts/demo/operator-acts.ts';
import { claim, clear, describePlace, type Environment, ROOT } from '../scripts/demo/place.ts';
import type { Stage } from '../scripts/demo/stage.ts';
import { remark } from './figures.ts';

/** The kinds of CA keys that are measured. */
export const CA_KEYS = {
  rsa2048: { type: 'rsa', bits: 2048 },
  rsa4096: { type: 'rsa', bits: 4096 },
  p256: { type: 'ec', curve: 'P-256' },
} as const;
export type CaKey = keyof typeof CA_KEYS;

export const BENCH = join(ROOT, 'var', 'bench');

/** A stage with its hierarchy, and nothing running but PostgreSQL. */
export async function preparePlace(key: CaKey, cluster: Cluster): Promise<Stage> {
  const text = hierarchyWith(ROOT, key);
  const directory = join(BENCH, `${key}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`);
  await claim(directory);
  clear(directory);
  const place = await describePlace(directory, { databaseUrl: cluster.url, serve: false });
  const environment: Environment = {
    ...place,
    POLICIES_DIRECTORY: copyPolicies(ROOT, key, join(directory, 'policies')),
    // one administrator orders as many as a nation does
    API_ACTS_PER_SECOND: '0',
    API_READS_PER_SECOND: '0',
  };
  const port = (listen: string | undefined): number => Number(listen?.split(':').at(-1));
  const stage: Stage = {
    directory,
    environment,
    apiPort: port(environment.API_LISTEN),
    publicPort: port(environment.PUBLIC_LISTEN),
    say: remark,
  };
  await createHierarchy(stage);
  return stage;
}

/** The policies of a checkout with other CA keys, in `folder`, which it returns. */
export function copyPolicies(root: string, key: CaKey, folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(root, 'policies'), folder, { recursive: true });
  writeFileSync(join(folder, 'hierarchy', 'test.yaml'), hierarchyWith(root, key));
  return folder;
}

function hierarchyWith(root: string, key: CaKey): string {
  const document = parseDocument(readFileSync(join(root, 'policies', 'hierarchy', 'test.yaml'), 'utf8'));
  document.set('key', CA_KEYS[key]);
  return String(document);
}

const DURABLE = ['fsync', 'synchronous_commit', 'full_page_writes'] as const;

/**
 * A PostgreSQL of our own that flushes what it commits, as the server itself says. Throws for any other. `directory` keeps its data for
 * the next run; without one nothing is kept.
 */
export async function startDurableCluster(directory?: string): Promise<Cluster> {
  if (process.env.DATABASE_URL)
    throw new Error('DATABASE_URL is set; a bench counts the time of a PostgreSQL of its own');
  const cluster = await startCluster({ durable: true, ...(directory !== undefined && { directory }) });
  const database = openDatabase(cluster.url, { applicationName: 'igc bench', max: 1 });
  try {
    for (const name of DURABLE) {
      const { rows } = await database.read.execute<Record<string, string>>(`show ${name}`);
      remark(`PostgreSQL says: ${name} = ${rows[0]?.[name]}`);
      if (rows[0]?.[name] !== 'on') throw new Error(`${name} is not on: such figures would be worth nothing`);
    }
  } finally {
    await database.close();
  }
  return cluster;
}
