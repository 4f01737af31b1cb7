import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // `npm run versions` names a checkout of the version before
    include: ['test/**/*.test.ts', ...(process.env.VERSION_BEFORE === undefined ? [] : ['test/**/*.live.ts'])],
    // in each file's process, as main.ts and igc.ts do in theirs
    setupFiles: ['db/resolve-drizzle.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    // a process for each file: a PKCS#11 module can be initialised once per process
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
