import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/world.ts';
import { type Shown, sessionsOf } from '../sessions/world.ts';
import { type Client, type Settings, World } from '../world.ts';

const FAKE = fileURLToPath(new URL('../../fakes/agent/claude.mjs', import.meta.url));

/** A world without tmux, in which the stand-in for Claude Code works without a terminal. */
export class HeadlessWorld extends World {
  readonly starts = join(this.root, 'starts.jsonl');

  constructor(settings: Settings = {}) {
    super();
    this.agents(settings);
  }

  agents(settings: Settings): void {
    const claude = (settings.agents as { claude?: { env?: object } } | undefined)?.claude;
    this.configure({
      allowed_roots: [this.user],
      retry: { backoff: '100ms', backoff_max: '300ms' },
      ...settings,
      agents: {
        ...(settings.agents as object | undefined),
        claude: {
          program: [process.execPath, FAKE],
          ...claude,
          env: { FAKE_AGENT_STARTS: this.starts, ...claude?.env },
        },
      },
    } as Settings);
  }

  /** How often an agent was started, and with what. */
  get begun(): { pid: number; argv: string[] }[] {
    if (!existsSync(this.starts)) return [];
    const lines = readFileSync(this.starts, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as { pid: number; argv: string[] });
  }

  /** The conversations with which agents were started, and how. */
  get conversations(): string[] {
    return this.begun.map(({ argv }) => argv.find((one) => /^--(?:session-id|resume)=/.test(one)) ?? '');
  }

  lines(project: string, file: string): string[] {
    const path = join(project, file);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  }
}

/** Waits until the run of this name is as wanted. */
export async function whenRun(client: Client, name: string, as: (shown: Shown) => boolean): Promise<Shown> {
  let shown: Shown | undefined;
  await until(async () => {
    shown = (await sessionsOf(client)).find((one) => one.name === name);
    return shown !== undefined && as(shown);
  }, 30_000).catch(() => {
    throw new Error(`run ${name} stayed ${JSON.stringify(shown)}`);
  });
  return shown as Shown;
}
