import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HeardReport } from '../../../src/runtime/agents/agent.ts';
import { claudeAgent } from '../../../src/runtime/agents/claude/claude.ts';
import { REPORTER } from '../../../src/runtime/agents/reporter.ts';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { systemPipes } from '../../../src/runtime/io/pipes.ts';
import { tmux } from '../../../src/runtime/io/tmux/tmux.ts';
import { CodingAgent } from '../../../src/runtime/model/config.ts';
import type { TaskRef } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { PermissionMode } from '../../../src/runtime/model/spec.ts';
import { OpenRequests } from '../../../src/runtime/sessions/requests/requests.ts';
import { Guard } from '../../../src/runtime/sessions/typing/guard.ts';
import type { Doing, PaneAgent } from '../../../src/runtime/sessions/typing/pane-agent.ts';
import type { PaneProgram, PaneTarget, Tmux } from '../../../src/runtime/terminals.ts';
import { until } from '../../support/world.ts';
import { type Surroundings, surroundings } from '../sealed.ts';

/* The real agent with its adapter, its guard and its requests, and no runtime around them. */

export interface Order {
  readonly prompt: string;
  readonly permission_mode?: PermissionMode;
  readonly allowed_tools?: readonly string[];
  readonly resume?: Lone;
}

/** Everything that one test starts. */
export class Bench {
  readonly around: Surroundings;
  readonly tmux: Tmux;
  readonly files = new DiskFiles({ file: 0o600, dir: 0o700 });
  readonly clock = systemClock();
  readonly requests: OpenRequests;
  readonly guard: Guard;
  readonly agents = new Map<string, Lone>();
  readonly #program: readonly string[];
  #keeper: PaneTarget | undefined;

  private constructor(claude: string, around: Surroundings) {
    this.around = around;
    this.#program = [claude];
    const { world, socket, tmux: program } = around;
    const spill = join(world.root, 'spill');
    this.tmux = tmux({ mark: 'live', spill, env: world.env, program, socket: { path: socket } });
    this.requests = new OpenRequests({
      store: { record: async () => {} },
      files: this.files,
      pipes: systemPipes(),
      clock: this.clock,
      agentIn: (seat) => this.agents.get(seat)?.paneAgent,
      say: () => {},
    });
    this.guard = new Guard({ tmux: this.tmux, files: this.files, clock: this.clock, requests: this.requests });
  }

  static async open(claude: string): Promise<Bench> {
    const around = await surroundings();
    writeFileSync(join(around.world.root, 'reporter.sh'), REPORTER, { mode: 0o700 });
    const bench = new Bench(claude, around);
    await bench.#keepServer();
    return bench;
  }

  get shop(): string {
    return this.around.world.project('shop');
  }

  /** A server ends with its last session, and whoever comes at that moment finds none. */
  async #keepServer(): Promise<void> {
    const program = { argv: ['sleep', 'infinity'], cwd: this.shop, env: {} } as const;
    this.#keeper = await this.#create('keeper', program);
  }

  async #create(name: string, program: Omit<PaneProgram, 'facts'>): Promise<PaneTarget> {
    const target = await this.tmux.create({ name, cwd: this.shop, facts: {}, width: 120, height: 40, program });
    if (isRefusal(target) || 'unconfirmed' in target) throw new Error(JSON.stringify(target));
    return target;
  }

  async start(name: string, order: Order): Promise<Lone> {
    const run_dir = join(this.around.world.root, 'runs', name);
    for (const folder of ['hooks', 'answers']) mkdirSync(join(run_dir, folder), { recursive: true });
    const { root, user } = this.around.world;
    const hex = systemChance().hex(16);
    const conversation =
      order.resume?.conversation ??
      `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
    const start = claudeAgent.compose({
      agent: CodingAgent.parse({ program: this.#program }),
      run_dir,
      cwd: this.shop,
      prompt: order.prompt,
      conversation,
      ...(order.resume && { resume: conversation }),
      permission_mode: order.permission_mode ?? 'default',
      allowed_tools: order.allowed_tools ?? [],
      reporter: join(root, 'reporter.sh'),
      wait_seconds: 600,
    });
    for (const { name: file, text } of start.files) writeFileSync(join(run_dir, file), text);
    const refused = await claudeAgent.accept(
      { files: this.files, clock: systemClock() },
      { home: user, cwd: this.shop },
    );
    if (refused) throw new Error(refused.message);
    const program = { argv: start.argv, cwd: this.shop, env: { ...this.around.agentEnv, ...start.env } };
    const target = await this.#create(name, program);
    const lone = new Lone(this, name, run_dir, conversation, target);
    this.agents.set(name, lone);
    return lone;
  }

  async end(): Promise<void> {
    await this.requests.close();
    for (const { target } of this.agents.values()) await this.tmux.kill(target);
    if (this.#keeper) await this.tmux.kill(this.#keeper);
    await until(() => ![...this.agents.values()].some(({ alive }) => alive));
    await this.tmux.close();
    this.around.network.close();
    await this.around.world.end();
    await this.around.stage.close();
  }
}

export class Lone {
  readonly bench: Bench;
  readonly name: string;
  readonly run_dir: string;
  readonly conversation: string;
  readonly target: PaneTarget;
  readonly #opened = new Set<string>();

  constructor(bench: Bench, name: string, run_dir: string, conversation: string, target: PaneTarget) {
    this.bench = bench;
    this.name = name;
    this.run_dir = run_dir;
    this.conversation = conversation;
    this.target = target;
  }

  get alive(): boolean {
    try {
      process.kill(this.target.pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** What its hooks have told, oldest first. */
  get heard(): HeardReport[] {
    const folder = join(this.run_dir, 'hooks');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .flatMap((file) => {
        const path = join(folder, file);
        const report = { name: file.slice(0, -5), at: statSync(path).mtimeMs, text: readFileSync(path, 'utf8') };
        return claudeAgent.hear(report) ?? [];
      });
  }

  /** Its reports of this kind. */
  all<K extends HeardReport['heard']['kind']>(kind: K): (HeardReport & { heard: { kind: K } })[] {
    return this.heard.filter((one): one is HeardReport & { heard: { kind: K } } => one.heard.kind === kind);
  }

  async told(kind: HeardReport['heard']['kind'], count = 1): Promise<void> {
    await until(() => this.all(kind).length >= count, 30_000);
  }

  /** As an attempt would: every request of it that is open is known. */
  openRequests(): readonly string[] {
    for (const { report, at, heard } of this.all('asks')) {
      if (this.#opened.has(report)) continue;
      this.#opened.add(report);
      this.bench.requests.opened({
        id: `${this.name}-${report}`,
        kind: heard.questions === undefined ? 'permission' : 'question',
        seat: this.name,
        program: 'claude',
        task: { project: 'shop', id: this.name } as unknown as TaskRef,
        attempt: 1,
        run_dir: this.run_dir,
        report,
        tool: heard.tool,
        input: heard.input,
        ...(heard.questions && { questions: heard.questions }),
        asked_at: at,
        expires_at: at + 600_000,
      });
    }
    return this.bench.requests.openIn(this.run_dir).map(({ id }) => id);
  }

  get doing(): Doing {
    const kinds = this.heard.map(({ heard }) => heard.kind);
    if (!kinds.includes('prompt')) return { kind: 'starting' };
    const ended = Math.max(kinds.lastIndexOf('turn_ended'), kinds.lastIndexOf('turn_failed'));
    return ended > kinds.lastIndexOf('prompt') ? { kind: 'idle' } : { kind: 'working' };
  }

  get paneAgent(): PaneAgent {
    return {
      seat: this.name,
      target: this.target,
      run_dir: this.run_dir,
      conversation: this.conversation,
      agent: claudeAgent,
      home: this.bench.around.world.user,
      doing: () => this.doing,
    };
  }

  async screen(): Promise<string> {
    const text = await this.bench.tmux.read(this.target.pane, { lines: 100 });
    return isRefusal(text) ? '' : text;
  }

  async reads(kind: 'ready' | 'busy' | 'dialog'): Promise<void> {
    await until(async () => claudeAgent.screen(await this.screen()).kind === kind, 20_000);
  }
}
