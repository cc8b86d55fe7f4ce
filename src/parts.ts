import type { Parts } from './assembly.ts';
import { errorLog } from './log.ts';
import { version } from './version.ts';

/** What a daemon is made of here: everything heavy is loaded when it is needed. */
export const parts: Parts = {
  log: () => errorLog(),
  start: async (options) => (await import('./runtime/runtime.ts')).startRuntime({ ...options, version }),
  surface: async () => {
    const [{ tools }, { resources }, { INSTRUCTIONS }] = await Promise.all([
      import('./tools/index.ts'),
      import('./resources/index.ts'),
      import('./tools/instructions.ts'),
    ]);
    return { tools, resources, instructions: INSTRUCTIONS };
  },
  web: async (ground) => {
    const [{ Web }, { tools }] = await Promise.all([import('./web/index.ts'), import('./tools/index.ts')]);
    return new Web({ ...ground, tools, version });
  },
  methods: async () => (await import('./methods.ts')).methods,
};
