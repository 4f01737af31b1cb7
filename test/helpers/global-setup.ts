// One PostgreSQL for the whole run, in a temporary folder; tests find it with inject('databaseUrl'). It ends with the run, killed or not.

import type { TestProject } from 'vitest/node';
import { startCluster } from '../../scripts/cluster.ts';
import { removeTemporaryFolder } from '../../scripts/temporary.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
  }
}

/** Vitest calls it before the first test file, and what it returns after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster({ durable: false });
  project.provide('databaseUrl', cluster.url);
  return async () => {
    await cluster.stop();
    await removeTemporaryFolder();
  };
}
