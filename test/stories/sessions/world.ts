import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../../support/world.ts';
import { type Client, type Settings, type Status, World } from '../world.ts';

const run = promisify(execFile);
const FAKE = fileURLToPath(new URL('../../fakes/agent/claude.mjs', import.meta.url));

/** A session as `list_sessions` shows it. */
export interface Shown {
  readonly name: string;
  readonly state: string;
  readonly blocked_on?: string;
  readonly detail?: string;
  readonly task?: { readonly id: string; readonly attempt: number };
  readonly conversation?: string;
  readonly requests?: readonly { readonly request_id: string; readonly kind: string; readonly input: string }[];
}

/** A world with a tmux server of its own, in which the stand-in for Claude Code works. */
export class SessionWorld extends World {
  readonly socket = join(this.root, 'tmux.sock');
  readonly starts = join(this.root, 'starts.jsonl');

  constructor(settings: Settings = {}) {
    super();
    this.sessions(settings);
  }

  sessions(settings: Settings): void {
    this.configure({
      allowed_roots: [this.user],
      retry: { backoff: '100ms', backoff_max: '300ms' },
      ...settings,
      tmux: { socket: this.socket },
      agents: {
        ...(settings.agents as object | undefined),
        claude: {
          program: [process.execPath, FAKE],
          env: { FAKE_AGENT_STARTS: this.starts },
          ...(settings.agents as { claude?: object } | undefined)?.claude,
        },
      },
    } as Settings);
  }

  /** A person at a terminal: `tmux …` on the same server. */
  async person(...args: string[]): Promise<string> {
    const env = { ...process.env, TMUX: undefined, HOME: this.user };
    return (await run('tmux', ['-u', '-S', this.socket, ...args], { env, timeout: 10_000 })).stdout.trimEnd();
  }

  get tmuxPid(): Promise<number> {
    return this.person('display-message', '-p', '#{pid}').then(Number);
  }

  /** How often an agent was started, and with what. */
  get begun(): { pid: number; argv: string[] }[] {
    if (!existsSync(this.starts)) return [];
    const lines = readFileSync(this.starts, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as { pid: number; argv: string[] });
  }

  lines(project: string, file: string): string[] {
    const path = join(project, file);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  }

  override async end(): Promise<void> {
    if (this.runtime !== undefined) await this.cancelAll();
    await this.endRuntime('SIGTERM');
    await this.person('kill-server').catch(() => undefined);
    await super.end();
  }
}

export async function sessionsOf(client: Client, more: object = {}): Promise<Shown[]> {
  return (await client.ask<{ sessions: Shown[] }>('list_sessions', { ...more })).sessions;
}

export async function session(client: Client, name: string): Promise<Shown> {
  const found = (await sessionsOf(client)).find((one) => one.name === name);
  if (!found) throw new Error(`no session ${name}`);
  return found;
}

/** Waits until a session is as wanted. */
export async function when(client: Client, name: string, as: (shown: Shown) => boolean): Promise<Shown> {
  let shown: Shown | undefined;
  await until(async () => {
    shown = await session(client, name).catch(() => undefined);
    return shown !== undefined && as(shown);
  }, 30_000).catch(() => {
    throw new Error(`session ${name} stayed ${JSON.stringify(shown)}`);
  });
  return shown as Shown;
}

export async function allEnded(client: Client, project: string, group: string): Promise<Status> {
  for (;;) {
    const status = await client.ask<Status>('job_status', { project, group, wait: 'all', wait_seconds: 25 });
    if (status.all_ended) return status;
  }
}
