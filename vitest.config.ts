import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/helpers/longest-first.ts';

/** The server of a run takes 200 connections, and a file that starts eight processes needs up to 30 of them. */
const MOST_WORKERS = 6;

export default defineConfig({
  test: {
    // `npm run versions` names a checkout of the version before
    include: ['test/**/*.test.ts', ...(process.env.VERSION_BEFORE === undefined ? [] : ['test/**/*.live.ts'])],
    // in each file's process, as main.ts and igc.ts do in theirs
    setupFiles: ['db/resolve-drizzle.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    // a process for each file: a PKCS#11 module can be initialised once per process
    pool: 'forks',
    // one more than there are processors: files wait, for leases, mails and processes, about half of their time
    maxWorkers: Math.min(availableParallelism() + 1, MOST_WORKERS),
    sequence: { sequencer: LongestFirst },
    // what a test waits for comes in a second or two; on a busy machine later, which is no fault
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
