import type { Parts, Runtime } from './assembly.ts';
import { errorLog } from './log.ts';
import { version } from './version.ts';

/** What a daemon is made of here: everything heavy is loaded when it is needed. */
export const parts: Parts = {
  log: () => errorLog(),
  start: async (options) => {
    const [{ startRuntime }, { watchResources }] = await Promise.all([
      import('./runtime/runtime.ts'),
      import('./resources/watch.ts'),
    ]);
    const runtime = await startRuntime({ ...options, version });
    const watch: Runtime['watch'] = (changed, listening = () => 'resources') =>
      watchResources(runtime.yard, changed, listening);
    return { ...runtime, watch };
  },
  surface: async () => {
    const [{ tools }, { resources }, { prompts }, { INSTRUCTIONS }, { workerTools, WORKER_INSTRUCTIONS }] =
      await Promise.all([
        import('./tools/index.ts'),
        import('./resources/index.ts'),
        import('./prompts/index.ts'),
        import('./tools/instructions.ts'),
        import('./tools/worker/index.ts'),
      ]);
    return {
      default: { tools, resources, prompts, instructions: INSTRUCTIONS },
      worker: { tools: workerTools, resources: [], prompts: [], instructions: WORKER_INSTRUCTIONS },
    };
  },
  web: async (ground) => {
    const [{ Web }, { tools }] = await Promise.all([import('./web/index.ts'), import('./tools/index.ts')]);
    return new Web({ ...ground, tools, version });
  },
  methods: async () => (await import('./methods.ts')).methods,
};
