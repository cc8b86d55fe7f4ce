import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { World } from '../../stories/world.ts';
import { type Ended, runAlone } from '../alone.ts';
import type { ScriptedModel } from '../model/model.ts';

export interface Asking {
  readonly world: World;
  readonly model: ScriptedModel;
  readonly program: string;
  readonly prompt: string;
  /** The text of a client configuration, as `yardmaster mcp-config` prints it. */
  readonly block: string;
  /** Further ports of loopback that it may reach. */
  readonly ports?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The last line of a headless run. */
export interface Result {
  readonly result: string;
  readonly is_error: boolean;
  readonly num_turns: number;
  readonly permission_denials: readonly { readonly tool_name: string }[];
}

const QUIET = {
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_ERROR_REPORTING: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
};

/** One headless run of the real Claude Code with a home of its own, which knows nothing but our server. */
export async function askClaude(asking: Asking): Promise<Result> {
  const { world, model, program, prompt, block } = asking;
  const home = join(world.root, 'claude');
  const config = join(home, 'mcp.json');
  mkdirSync(home, { recursive: true });
  writeFileSync(config, block);
  const run = await runAlone({
    command: program,
    args: [
      ...['-p', prompt, '--output-format', 'json'],
      ...['--mcp-config', config, '--strict-mcp-config', '--allowedTools', 'mcp__yardmaster'],
    ],
    cwd: world.user,
    env: {
      ...{ PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: home, LANG: 'C.UTF-8' },
      ...{ ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'dummy', ...QUIET, ...asking.env },
    },
    ports: [model.port, ...(asking.ports ?? [])],
    folder: world.root,
  });
  return resultIn(run);
}

function resultIn({ code, stdout, stderr }: Ended): Result {
  try {
    return JSON.parse(stdout) as Result;
  } catch {
    throw new Error(`Claude Code ended with ${code} and no result: ${stdout}\n${stderr}`);
  }
}
