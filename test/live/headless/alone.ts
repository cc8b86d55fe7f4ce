import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HeadlessAgent, HeadlessOrder, Progress, RunState } from '../../../src/runtime/agents/headless.ts';
import { CodingAgent } from '../../../src/runtime/model/config.ts';
import type { RunEnd } from '../../../src/runtime/ports.ts';
import { type Network, openNetwork } from '../alone.ts';
import { ScriptedModel } from '../model/model.ts';
import type { Step } from '../model/script.ts';
import { type Recorded, record } from './record.ts';

/* A real agent without a terminal and its adapter, with a scripted model and no runtime around them. */

export interface Told extends Partial<Omit<HeadlessOrder, 'agent' | 'run_dir' | 'cwd'>> {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Sent as soon as its stream holds this text. */
  readonly kill?: { readonly when: string; readonly signal: NodeJS.Signals };
  /** Under which name its stream is kept, when streams are recorded. */
  readonly as?: string;
}

export interface Ran extends Recorded {
  readonly state: RunState;
  readonly shown: readonly Progress[];
  readonly verdict: ReturnType<HeadlessAgent['judge']>;
}

export class Alone {
  readonly root: string;
  readonly home: string;
  readonly shop: string;
  readonly model: ScriptedModel;
  readonly #agent: HeadlessAgent;
  readonly #program: string;
  readonly #network: Network;
  #runs = 0;

  private constructor(agent: HeadlessAgent, program: string, root: string, model: ScriptedModel, network: Network) {
    this.root = root;
    this.home = join(root, 'home');
    this.shop = join(root, 'shop');
    this.#agent = agent;
    this.#program = program;
    this.model = model;
    this.#network = network;
    for (const folder of [this.home, this.shop, join(this.root, 'tmp')]) mkdirSync(folder, { recursive: true });
  }

  static async open(agent: HeadlessAgent, program: string, steps: readonly Step[]): Promise<Alone> {
    const model = await ScriptedModel.start(steps);
    const root = mkdtempSync(join(tmpdir(), 'headless-'));
    return new Alone(agent, program, root, model, await openNetwork([model.port], root));
  }

  write(path: string, text: string): void {
    const file = join(this.home, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  async run(told: Told = {}): Promise<Ran> {
    const run_dir = join(this.root, 'runs', String(++this.#runs));
    mkdirSync(run_dir, { recursive: true });
    const { argv, env, files, input } = this.#agent.compose({
      prompt: 'Do the work.',
      conversation: `0b2b2a5c-1111-4222-8333-${String(this.#runs).padStart(12, '0')}`,
      permission_mode: 'acceptEdits',
      allowed_tools: [],
      ...told,
      agent: CodingAgent.parse({ program: [this.#program], args: told.args ?? [] }),
      run_dir,
      cwd: this.shop,
    });
    for (const { name, text } of files) writeFileSync(join(run_dir, name), text);
    const [command = '', ...args] = [...this.#network.enter, ...argv];
    const child = spawn(command, args, { cwd: this.shop, env: { ...this.#env, ...env, ...told.env } });
    child.stdin.on('error', () => {}); // it has ended without reading
    child.stdin.end(input.kind === 'none' ? '' : input.text);
    const recorded = await ended(child, told.kill);
    if (told.as !== undefined) record(this.#agent.program, told.as, recorded, this.root);
    return { ...recorded, ...judged(this.#agent, recorded, told.result_schema !== undefined) };
  }

  get #env(): Record<string, string> {
    return {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: this.home,
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      TMPDIR: join(this.root, 'tmp'),
      SCRIPTED_KEY: 'dummy',
      GEMINI_API_KEY: 'dummy',
      GOOGLE_GEMINI_BASE_URL: this.model.url,
      ...this.#network.env,
    };
  }

  async close(): Promise<void> {
    this.#network.close();
    await this.model.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess, kill: Told['kill']): Promise<Recorded> {
  const said = { stdout: '', stderr: '' };
  let killed = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    said.stdout += chunk;
    if (killed || kill === undefined || !said.stdout.includes(kill.when)) return;
    killed = true;
    child.kill(kill.signal);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said.stderr += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { ...said, code: code ?? 128, ...(signal !== null && { signal }) };
}

/** What the adapter makes of a run, its lines read as they are. */
export function judged(agent: HeadlessAgent, { stdout, stderr, code, signal }: Recorded, wants_structured = false) {
  const reader = agent.reader();
  const shown = stdout.split('\n').flatMap((line) => reader.take(line));
  const end: RunEnd = {
    kind: 'exited',
    code,
    ...(signal !== undefined && { signal }),
    started_at: 0,
    ended_at: Date.parse('2026-11-21T19:00:00Z'),
  };
  const now = Date.parse('2026-11-21T19:00:00Z');
  return { state: reader.now, shown, verdict: agent.judge({ state: reader.now, end, stderr, wants_structured, now }) };
}
