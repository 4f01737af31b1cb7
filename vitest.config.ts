import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    // a process for each file: a PKCS#11 module can be initialised once per process
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
