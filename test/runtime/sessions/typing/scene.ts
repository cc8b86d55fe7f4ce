import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HeardReport } from '../../../../src/runtime/agents/agent.ts';
import { claudeAgent } from '../../../../src/runtime/agents/claude/claude.ts';
import { REPORTER } from '../../../../src/runtime/agents/reporter.ts';
import { systemClock } from '../../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { systemPipes } from '../../../../src/runtime/io/pipes.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';
import { ProjectId, TaskId } from '../../../../src/runtime/model/ids.ts';
import { hear, NOTHING_TOLD, phaseOf } from '../../../../src/runtime/policy/session-state.ts';
import { OpenRequests } from '../../../../src/runtime/sessions/requests/requests.ts';
import { Guard } from '../../../../src/runtime/sessions/typing/guard.ts';
import { interrupt } from '../../../../src/runtime/sessions/typing/interrupt.ts';
import { message } from '../../../../src/runtime/sessions/typing/message.ts';
import type { Doing, PaneAgent } from '../../../../src/runtime/sessions/typing/pane-agent.ts';
import { squeezed } from '../../../../src/runtime/sessions/typing/wording.ts';
import type { PaneTarget } from '../../../../src/runtime/terminals.ts';
import { sure, type World as Terminals, world as terminals, until } from '../../io/tmux/world.ts';

/* A real terminal with an agent in it that asks, works and waits; beside it a person at the same terminal. */

const FAKE = fileURLToPath(new URL('../../../fakes/agent/claude.mjs', import.meta.url));
const task = { project: ProjectId.parse('p_000000000001'), id: TaskId.parse('fix') };
const files = new DiskFiles();
const clock = systemClock();

export interface SceneOptions {
  readonly prompt: string;
  /** Nobody has read any of its reports: the guard has what it finds out by itself. */
  readonly unread?: boolean;
  readonly trusted?: boolean;
}

export class Scene {
  readonly #terminals: Terminals;
  readonly #run_dir: string;
  readonly #cwd: string;
  readonly #conversation = randomUUID();
  readonly #nonce = randomUUID();
  readonly requests: OpenRequests;
  readonly #guard: Guard;
  readonly #unread: boolean;
  #target: PaneTarget | undefined;

  private constructor(place: Terminals, unread: boolean) {
    this.#unread = unread;
    this.#terminals = place;
    this.#cwd = join(place.dir, 'work');
    this.#run_dir = join(place.dir, 'runs', task.project, task.id, '1');
    for (const folder of ['hooks', 'answers']) mkdirSync(join(this.#run_dir, folder), { recursive: true });
    const ports = { files, clock, store: { record: async () => {} }, pipes: systemPipes(), say: () => {} };
    this.requests = new OpenRequests({ ...ports, agentIn: () => this.agent });
    this.#guard = new Guard({ tmux: place.port(), files, clock, requests: this.requests });
  }

  static async open({ prompt, trusted = true, unread = false }: SceneOptions): Promise<Scene> {
    const place = await terminals();
    const scene = new Scene(place, unread);
    await scene.#start(prompt, trusted);
    return scene;
  }

  async #start(prompt: string, trusted: boolean): Promise<void> {
    const { dir } = this.#terminals;
    const config_dir = join(dir, 'config');
    mkdirSync(config_dir);
    const said = {
      hasCompletedOnboarding: true,
      hasSeenAutoDefaultNotice: true,
      customApiKeyResponses: { approved: ['dummy'], rejected: [] },
      projects: { [this.#cwd]: { hasTrustDialogAccepted: trusted } },
    };
    writeFileSync(join(config_dir, '.claude.json'), JSON.stringify(said));
    const reporter = join(dir, 'reporter.sh');
    writeFileSync(reporter, REPORTER);
    const real = process.env.MOMENTS_CLAUDE;
    const start = claudeAgent.compose({
      agent: CodingAgent.parse({ program: real === undefined ? [process.execPath, FAKE] : [real] }),
      ...{ run_dir: this.#run_dir, cwd: this.#cwd, conversation: this.#conversation, config_dir, reporter },
      ...{ prompt: `${prompt} (${this.#nonce})`, permission_mode: 'default', wait_seconds: 120 },
      allowed_tools: ['Bash(sleep:*)'],
    });
    for (const { name, text } of start.files) writeFileSync(join(this.#run_dir, name), text);
    const env = { ...start.env, ...OFFLINE, HOME: dir };
    const program = { argv: start.argv, cwd: this.#cwd, env };
    const order = { name: 'seat', cwd: this.#cwd, width: 120, height: 40, facts: {}, program };
    this.#target = sure(await this.#terminals.port().create(order));
  }

  get agent(): PaneAgent {
    if (this.#target === undefined) throw new Error('it was not started');
    return {
      ...{ seat: 'seat', target: this.#target, run_dir: this.#run_dir, conversation: this.#conversation },
      ...{ home: this.#terminals.dir, config_dir: join(this.#terminals.dir, 'config') },
      agent: claudeAgent,
      doing: () => this.#doing(),
    };
  }

  async send(text: string) {
    return message(this.#guard, this.agent, text, { by: 'owner' });
  }

  async interrupt(options: { dismiss?: boolean } = {}) {
    const ports = { guard: this.#guard, tmux: this.#terminals.port(), files, clock };
    return interrupt(ports, this.agent, { by: 'owner' }, options);
  }

  /** What is open, when everything has been read. */
  asked() {
    this.#doing();
    return this.requests.list();
  }

  /** As an attempt would know it that has read every report at once. */
  #doing(): Doing {
    if (this.#unread) return { kind: 'working' };
    const own = { conversation: this.#conversation, nonce: this.#nonce };
    const told = this.reports().reduce((before, report) => hear(before, report, own), NOTHING_TOLD);
    for (const { report, kind, tool, input, questions, asked_at } of told.requests) {
      const id = `req-${report}`;
      const of = { id, kind, seat: 'seat', program: 'claude', task, attempt: 1, run_dir: this.#run_dir } as const;
      const asked = { ...of, report, tool, input, asked_at, expires_at: asked_at + 60_000 };
      this.requests.opened(questions ? { ...asked, questions } : asked);
    }
    const seen = { now: Date.now(), process: 'alive', answered: new Set<string>() } as const;
    const { phase } = phaseOf(told, seen);
    switch (phase.kind) {
      case 'starting':
      case 'working':
        return { kind: phase.kind };
      case 'blocked':
        return { kind: 'blocked', on: phase.on, since: phase.since };
      case 'over':
        return { kind: 'idle' };
      case 'gone':
        return { kind: 'gone', detail: 'it ended' };
    }
  }

  reports(): HeardReport[] {
    const folder = join(this.#run_dir, 'hooks');
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    return names.sort().flatMap((file) => {
      const [path, name] = [join(folder, file), file.slice(0, -'.json'.length)];
      const heard = claudeAgent.hear({ name, at: statSync(path).mtimeMs, text: readFileSync(path, 'utf8') });
      return heard ? [heard] : [];
    });
  }

  /** How often the agent has taken this text in. */
  taken(text: string): number {
    const prompts = this.reports().flatMap(({ heard }) => (heard.kind === 'prompt' ? [squeezed(heard.prompt)] : []));
    return prompts.filter((prompt) => prompt.includes(squeezed(text))).length;
  }

  async heard(kind: string): Promise<void> {
    await until(async () => this.reports().some(({ heard }) => heard.kind === kind));
  }

  screen(): Promise<string> {
    return this.#terminals.person('capture-pane', '-p', '-t', this.agent.target.pane);
  }

  async shows(what: RegExp): Promise<void> {
    await until(async () => what.test(await this.screen()));
  }

  /** A person at the terminal. */
  async person(...keys: string[]): Promise<void> {
    await this.#terminals.person('send-keys', '-t', this.agent.target.pane, ...keys);
  }

  async scrolls(): Promise<void> {
    await this.#terminals.person('copy-mode', '-t', this.agent.target.pane);
  }

  async scrollsNoMore(): Promise<void> {
    await this.#terminals.person('copy-mode', '-q', '-t', this.agent.target.pane);
  }

  made(file: string): boolean {
    return existsSync(join(this.#cwd, file));
  }

  held(): boolean {
    return existsSync(join(this.#run_dir, 'hold'));
  }

  async ended(): Promise<boolean> {
    return (
      (await this.#terminals.person('display-message', '-p', '-t', this.agent.target.pane, '#{pane_dead}')) === '1'
    );
  }
}

const OFFLINE = {
  ...{
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:8787',
    ANTHROPIC_API_KEY: 'dummy',
  },
  ...{ IS_SANDBOX: '1', DISABLE_TELEMETRY: '1', DISABLE_AUTOUPDATER: '1', DISABLE_ERROR_REPORTING: '1' },
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
};
