import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client as NewClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Config } from '../../src/runtime/model/config.ts';
import type { Route } from '../../src/runtime/model/route.ts';
import type { TaskSummary } from '../../src/runtime/model/view.ts';
import { until } from '../support/world.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

type Partially<T> = T extends object ? { readonly [Key in keyof T]?: Partially<T[Key]> | string | number } : T;
export type Settings = Partially<Config>;

/** What a tool answered, as loosely as a client sees it. */
export interface Called {
  readonly isError?: boolean;
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent?: unknown;
}

export interface Status {
  readonly tasks: readonly (TaskSummary & {
    readonly next?: string;
    readonly result?: { readonly text: string; readonly path?: string };
    readonly log?: { readonly text: string };
    readonly tries?: { readonly newest: number; readonly spent?: number; readonly route?: Route };
  })[];
  readonly counts: Readonly<Record<string, number>>;
  readonly all_ended: boolean;
  readonly timed_out?: boolean;
}

export interface Accepted {
  readonly id: string;
  readonly project: string;
  readonly state: string;
  readonly created: boolean;
  readonly position?: number;
  readonly hint?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * One home, its configuration and its projects in a temporary folder, and the real program on it. `end` fails when
 * anything that was started here outlives it.
 */
export class World {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-story-')));
  readonly user = this.#folder('user');
  readonly config = join(this.root, 'yardmaster.yaml');
  readonly bin = this.#folder('bin');
  readonly #clients: Client[] = [];
  readonly #children: ChildProcess[] = [];
  home = join(this.root, 'home');

  constructor(settings: Settings = {}) {
    this.configure(settings);
  }

  /** A stop waits for nothing here, unless a story says so. */
  configure(settings: Settings): void {
    writeFileSync(this.config, JSON.stringify({ shutdown: { wait: 0 }, ...settings })); // JSON is YAML
  }

  /** A fresh project; its path. */
  project(name: string): string {
    return this.#folder(`user/${name}`);
  }

  queue(project: string, ...rest: string[]): string {
    return join(project, '.agent-queue', ...rest);
  }

  /** Files of a queue's folder, without what starts with a dot. */
  listed(project: string, folder: 'inbox' | 'done' | 'failed'): string[] {
    try {
      return readdirSync(this.queue(project, folder))
        .filter((name) => !name.startsWith('.'))
        .sort();
    } catch {
      return [];
    }
  }

  read(...path: string[]): string {
    return readFileSync(join(...path), 'utf8');
  }

  get env(): Record<string, string> {
    const { CLAUDE_CODE_SESSION_ID: _, YARDMASTER_ATTEMPT_TOKEN: __, ...env } = process.env;
    return {
      ...(env as Record<string, string>),
      PATH: [this.bin, ...withoutAgents(process.env.PATH)].join(':'),
      HOME: this.user,
      YARDMASTER_HOME: this.home,
      YARDMASTER_CONFIG: this.config,
      YARDMASTER_HTTP_PORT: '0',
    };
  }

  spawn(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...this.env, ...env },
      cwd: this.user,
      stdio: 'pipe',
    });
    this.#children.push(child);
    return child;
  }

  cli(args: readonly string[], options: { env?: Record<string, string>; input?: string } = {}): Promise<Ended> {
    const child = this.spawn(args, options.env);
    const said = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      said.stdout += chunk;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said.stderr += chunk;
    });
    child.stdin?.end(options.input ?? '');
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })));
  }

  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli([...args, '--json']);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Every record that the home has, of these events as they are kept, oldest first. */
  async events<T extends { type: string }>(type: string): Promise<T[]> {
    const records = new Map<number, T[]>();
    for (const line of this.#journalLines()) {
      const { seq, events } = JSON.parse(line) as { seq?: number; events?: T[] };
      if (seq !== undefined && events) records.set(seq, events);
    }
    const inOrder = [...records].sort(([a], [b]) => a - b);
    return inOrder.flatMap(([, events]) => events.filter((event) => event.type === type));
  }

  /** What was told of these, oldest first; patterns such as `task_*` and several with commas are good too. */
  async told<T extends { type: string }>(types: string): Promise<T[]> {
    const args = ['audit', '--type', types, '--limit', '0', '--oldest-first', '--json'];
    const { code, stdout, stderr } = await this.cli(args);
    if (code !== 0) throw new Error(`audit ended with ${code}: ${stderr}`);
    return linesIn(stdout).map((line) => JSON.parse(line) as T);
  }

  #journalLines(): string[] {
    return ['events', 'journal'].flatMap((folder) => {
      const dir = join(this.home, folder);
      const files = existsSync(dir) ? readdirSync(dir, { recursive: true, encoding: 'utf8' }) : [];
      const segments = files.filter((file) => file.endsWith('.jsonl'));
      return segments.flatMap((file) => {
        const text = readFileSync(join(dir, file), 'utf8');
        return linesIn(text.slice(0, text.lastIndexOf('\n') + 1)); // the last one may be under way
      });
    });
  }

  /** An MCP client on a bridge of its own; a runtime is started when none runs. */
  async connect(era: Era = 'new', args: readonly string[] = ['mcp']): Promise<Client> {
    const client = await (era === 'old' ? older : newer)({
      command: process.execPath,
      args: [main, ...args],
      env: this.env,
    });
    this.#clients.push(client);
    return client;
  }

  /** The living owner of the home. */
  get runtime(): number | undefined {
    try {
      const { pid } = JSON.parse(readFileSync(join(this.home, 'runtime.lock'), 'utf8')) as { pid: number };
      return alive(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Ends the runtime with this signal and waits until it is gone. */
  async endRuntime(signal: NodeJS.Signals): Promise<void> {
    const pid = this.runtime;
    if (pid === undefined) return;
    process.kill(pid, signal);
    await until(() => !alive(pid));
  }

  async start(): Promise<void> {
    const { code, stderr } = await this.cli(['start']);
    if (code !== 0) throw new Error(`start ended with ${code}: ${stderr}`);
  }

  /** Living processes that carry this world in their environment or their arguments. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((name) => {
        try {
          const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
          const ours = (command + readFileSync(`/proc/${name}/environ`, 'utf8')).includes(this.root);
          return ours && alive(Number(name)) ? [{ pid: Number(name), command }] : [];
        } catch {
          return [];
        }
      });
  }

  /** Stops the runtime in order, with what runs, and looks for anything left. */
  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close().catch(() => undefined)));
    if (this.runtime !== undefined) await this.cli(['stop', '--now', '--kill']);
    await this.endRuntime('SIGKILL'); // it is long gone
    await until(async () => (await this.#remaining()).length === 0, 10_000).catch(() => undefined); // supervisors end after their agents
    const left = await this.#remaining();
    for (const child of this.#children) child.kill('SIGKILL');
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.map(({ command }) => command).join('; ')}`);
  }

  protected async cancelAll(): Promise<void> {
    const client = await this.connect();
    await cancelRunning(client);
    await client.close();
  }

  async #remaining() {
    await until(() => this.processes().length === 0, 5_000).catch(() => undefined);
    return this.processes();
  }

  #folder(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }
}

export type Era = 'old' | 'new';

/** The part of either client that the stories need. */
export class Client {
  readonly call: (tool: string, args?: Record<string, unknown>) => Promise<Called>;
  readonly resource: (uri: string) => Promise<string>;
  readonly complete: (uri: string, name: string, value: string, given?: Record<string, string>) => Promise<string[]>;
  readonly tools: () => Promise<string[]>;
  readonly close: () => Promise<void>;

  constructor(parts: Pick<Client, 'call' | 'resource' | 'complete' | 'tools' | 'close'>) {
    this.call = parts.call;
    this.resource = parts.resource;
    this.complete = parts.complete;
    this.tools = parts.tools;
    this.close = parts.close;
  }

  /** The structured answer; a refusal throws. */
  async ask<T>(tool: string, args: Record<string, unknown> = {}): Promise<T> {
    const answer = await this.call(tool, args);
    if (answer.isError) throw new Error(`${tool}: ${answer.content[0]?.text}`);
    return answer.structuredContent as T;
  }

  /** The text of a refusal; an answer throws. */
  async refused(tool: string, args: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.call(tool, args);
    if (!answer.isError) throw new Error(`${tool} was not refused: ${JSON.stringify(answer.structuredContent)}`);
    return answer.content.map(({ text }) => text).join('\n');
  }

  enqueue(project: string, body: string, more: Record<string, unknown> = {}): Promise<Accepted> {
    return this.ask('enqueue_task', { project, body, ...more });
  }

  async one(project: string, id: string, more: Record<string, unknown> = {}): Promise<Status['tasks'][number]> {
    const { tasks } = await this.ask<Status>('job_status', { project, id, ...more });
    const [task] = tasks;
    if (!task) throw new Error(`job_status has no task ${id}`);
    return task;
  }

  /** Waits for the end of one task. */
  ended(project: string, id: string): Promise<Status['tasks'][number]> {
    return this.one(project, id, { wait_seconds: 25, detail: 'result' });
  }

  async state(project: string, id: string, state: string): Promise<void> {
    await until(async () => (await this.one(project, id).catch(() => undefined))?.state === state);
  }
}

interface Program {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

const info = { name: 'story', version: '1' };

async function older(program: Program): Promise<Client> {
  const client = new OldClient(info);
  await client.connect(new OldStdio(program));
  return new Client({
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as unknown as Called,
    resource: async (uri) => textOf((await client.readResource({ uri })).contents),
    complete: async (uri, name, value, given) => {
      const context = given === undefined ? {} : { context: { arguments: given } };
      const ref = { type: 'ref/resource' as const, uri };
      return (await client.complete({ ref, argument: { name, value }, ...context })).completion.values;
    },
    close: () => client.close(),
  });
}

async function newer(program: Program): Promise<Client> {
  const client = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new NewStdio(program));
  return new Client({
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as unknown as Called,
    resource: async (uri) => textOf((await client.readResource({ uri })).contents),
    complete: async (uri, name, value, given) => {
      const context = given === undefined ? {} : { context: { arguments: given } };
      const ref = { type: 'ref/resource' as const, uri };
      return (await client.complete({ ref, argument: { name, value }, ...context })).completion.values;
    },
    close: () => client.close(),
  });
}

function textOf(contents: readonly object[]): string {
  return contents.map((content) => ('text' in content ? String(content.text) : '')).join('');
}

/** Dead but not yet buried counts as dead. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** A command agent that runs this shell script; `$1` is its prompt's file. */
export function shell(script: string): string[] {
  return ['sh', '-c', script, 'agent', '{prompt_file}'];
}

/** Agents in sessions go on when the runtime ends. What waits would take the place of what is cancelled. */
export async function cancelRunning(client: Client): Promise<void> {
  await until(async () => {
    const state = ['queued', 'claimed', 'running'];
    const { tasks } = await client.ask<Status>('list_tasks', { state, limit: 100 });
    for (const { id, project } of tasks) await client.call('cancel_task', { id, project });
    return tasks.length === 0;
  });
}

/** Where nothing else is configured tasks go to Claude Code: a story must never start the person's own. */
function withoutAgents(path = ''): string[] {
  return path.split(':').filter((dir) => !existsSync(join(dir, 'claude')));
}

function linesIn(text: string): string[] {
  return text.split('\n').filter(Boolean);
}
