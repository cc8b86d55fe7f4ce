import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Ended, runAlone } from '../alone.ts';
import type { Asking } from './asking.ts';

/** Runs the real Codex with a configuration of its own, which knows nothing but the scripted model and our server. */
export function runCodex(
  { world, program, model, block, ports, env }: Asking,
  args: readonly string[],
): Promise<Ended> {
  const home = join(world.root, 'codex');
  mkdirSync(join(home, '.codex'), { recursive: true });
  writeFileSync(join(home, '.codex', 'config.toml'), `${modelAt(model.url)}\n${block}`);
  return runAlone({
    command: program,
    args,
    cwd: world.user,
    env: {
      ...{ PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: home, LANG: 'C.UTF-8' },
      ...{ SCRIPTED_KEY: 'dummy', ...env },
    },
    ports: [model.port, ...(ports ?? [])],
    folder: world.root,
  });
}

/** Its sandbox makes a `.git` in each folder that may be written to, and /tmp would be one. */
export function modelAt(url: string): string {
  return `model = "scripted"
model_provider = "scripted"
[sandbox_workspace_write]
exclude_slash_tmp = true
exclude_tmpdir_env_var = true
[model_providers.scripted]
name = "scripted"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
`;
}
