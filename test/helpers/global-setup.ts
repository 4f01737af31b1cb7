// One PostgreSQL for the whole run, and one folder for all that its processes write; tests find them with inject. They end with the
// run, killed or not, and a log that holds what no log may hold fails it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startCluster } from '../../scripts/cluster.ts';
import { removeTemporaryFolder, temporaryFolder } from '../../scripts/temporary.ts';
import { scanRunLogs } from './run-log-scan.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
    logFolder: string;
  }
}

/** Vitest calls it before the first test file, and what it returns after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster({ durable: false });
  const logFolder = join(temporaryFolder(), 'logs');
  mkdirSync(logFolder, { mode: 0o700 });
  project.provide('databaseUrl', cluster.url);
  project.provide('logFolder', logFolder);
  return async () => {
    await cluster.stop();
    try {
      const lines = scanRunLogs(logFolder);
      process.stdout.write(`logs of this run: ${lines} lines, no secret and nobody's name in them\n`);
    } finally {
      await removeTemporaryFolder();
    }
  };
}
