import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Ended, runAlone } from '../alone.ts';
import type { Asking } from './asking.ts';

/** Runs the real Gemini CLI with settings of its own, which know nothing but the scripted model and our server. */
export function runGemini(
  { world, program, model, block, ports, env }: Asking,
  args: readonly string[],
): Promise<Ended> {
  const home = join(world.root, 'gemini');
  mkdirSync(join(home, '.gemini'), { recursive: true });
  writeFileSync(join(home, '.gemini', 'settings.json'), JSON.stringify({ ...QUIET, ...JSON.parse(block) }));
  return runAlone({
    command: program,
    args,
    cwd: world.user,
    env: {
      ...{ PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: home, LANG: 'C.UTF-8' },
      ...{ GEMINI_API_KEY: 'dummy', GOOGLE_GEMINI_BASE_URL: model.url, GEMINI_CLI_NO_RELAUNCH: 'true', ...env },
    },
    ports: [model.port, ...(ports ?? [])],
    folder: world.root,
  });
}

const QUIET = {
  // A folder that is not trusted has no MCP servers at all, not even the user's own.
  security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
  privacy: { usageStatisticsEnabled: false },
  general: { disableAutoUpdate: true, disableUpdateNag: true },
};
