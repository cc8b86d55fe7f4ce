import { defineConfig } from 'vitest/config';

/** Where `.ci/run` wants the runner's own counts. */
const report = process.env.YARDMASTER_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 3, // many tests wait for somebody else's clock
    // CI runs on machines that are shared: a test that fails is tried once more, and named in the counts (scripts/count.mjs).
    retry: report ? 1 : 0,
    ...(report ? { reporters: ['default', 'json'], outputFile: { json: report } } : {}),
  },
});
