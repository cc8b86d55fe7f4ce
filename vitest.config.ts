import { configDefaults, defineConfig } from 'vitest/config';

/** Where `.ci/run` wants the runner's own counts. */
const report = process.env.YARDMASTER_TEST_REPORT;

/** Long runs that are asked for by name, `CHAOS=all npx vitest run test/chaos`: each call is a start of the runtime under strace. */
const long = process.env.CHAOS === 'all' ? [] : ['test/chaos/steps.test.ts'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...long],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    ...(report ? { reporters: ['default', 'json'], outputFile: { json: report } } : {}),
  },
});
