import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Settings, World } from '../stories/world.ts';
import { type Network, openNetwork } from './alone.ts';
import { Stage } from './model/stage.ts';

/** A world that knows nothing of the machine's own settings and accounts. */
export class Sealed extends World {
  /** The configuration directory of an account whose Claude Code was started before. */
  account(name: string): string {
    const folder = join(this.root, 'accounts', name);
    knows(folder);
    return folder;
  }

  override get env(): Record<string, string> {
    return {
      PATH: `${this.bin}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: this.user,
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      SHELL: '/bin/sh',
      YARDMASTER_HOME: this.home,
      YARDMASTER_CONFIG: this.config,
      YARDMASTER_HTTP_PORT: '0',
    };
  }
}

const QUIET = {
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_ERROR_REPORTING: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  CLAUDE_CODE_MAX_RETRIES: '1',
  IS_SANDBOX: '1',
};

/** What a person's Claude Code has answered before: its first start, and the key of the environment. */
const USED = { hasCompletedOnboarding: true, customApiKeyResponses: { approved: ['dummy'], rejected: [] } };

/** A home, a scripted model, and a network in which tmux and everything below it meets nothing else. */
export interface Surroundings {
  readonly world: Sealed;
  readonly stage: Stage;
  /** The path of a tmux server that doesn't run yet. */
  readonly socket: string;
  /** A tmux whose server and panes are in that network. */
  readonly tmux: string;
  /** The environment of the agents. */
  readonly agentEnv: Readonly<Record<string, string>>;
  readonly network: Network;
}

/** `ports` of loopback lead out of that network, beside the model's. */
export async function surroundings(ports: readonly number[] = []): Promise<Surroundings> {
  const world = new Sealed();
  const stage = await Stage.open();
  const network = await openNetwork([stage.port, ...ports], world.root);
  const tmux = join(world.bin, 'tmux-alone');
  writeFileSync(tmux, `#!/bin/sh\nexec ${[...network.enter, 'tmux'].join(' ')} "$@"\n`);
  chmodSync(tmux, 0o755);
  knows(world.user);
  const agentEnv = { ANTHROPIC_BASE_URL: stage.url, ANTHROPIC_API_KEY: 'dummy', ...QUIET, ...network.env };
  return { world, stage, socket: join(world.root, 'tmux'), tmux, agentEnv, network };
}

function knows(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.claude.json'), JSON.stringify(USED));
}

/** What is different from the usual. */
export interface Ways {
  readonly agent?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Settings;
}

/** The configuration of somebody who has three sessions of the real agent. */
export function settingsOf(claude: string, around: Surroundings, ways: Ways = {}): Settings {
  const { world, socket, tmux, agentEnv } = around;
  const agent = { program: [claude], permission_mode: 'acceptEdits', ...ways.agent };
  return {
    allowed_roots: [world.user],
    projects: [{ name: 'shop', path: world.project('shop'), shared_checkout: true }],
    pool: { autonomous: { prefix: 'live-', start_index: 1, min: 1, max: 3 } },
    tmux: { program: tmux, socket },
    agents: { claude: { ...agent, env: { ...agentEnv, ...ways.env } } },
    retry: { backoff: '100ms' },
    http: { enabled: false },
    ...ways.settings,
  };
}
