import { execFile } from 'node:child_process';
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
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { until } from '../../support/world.ts';

const run = promisify(execFile);
export const fakeClaude = fileURLToPath(new URL('claude.mjs', import.meta.url));

const EVENTS = [
  'SessionStart',
  'SessionEnd',
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'Notification',
  'Stop',
  'StopFailure',
];

/**
 * A reporter: each report whole in a file of its own; for a request it waits at a FIFO for what it shall print. As long as
 * `hold` is there, a Stop is not over.
 */
const REPORTER = `dir=$1
text=$(cat)
name=$(date +%s%N)-$$
waits=
case $text in *'"hook_event_name":"PermissionRequest"'*) waits=1; mkfifo "$dir/answers/$name" ;; esac
printf '%s' "$text" >"$dir/hooks/.$name" && mv "$dir/hooks/.$name" "$dir/hooks/$name.json"
case $text in *'"hook_event_name":"Stop"'*) while [ -e "$dir/hold" ]; do sleep 0.02; done ;; esac
if [ -n "$waits" ]; then cat <"$dir/answers/$name"; fi
`;

/** What a hook heard; only the parts that the stories look at. */
export interface Report {
  readonly name: string;
  readonly hook_event_name: string;
  readonly session_id: string;
  readonly prompt_id?: string;
  readonly prompt?: string;
  readonly reason?: string;
  readonly error?: string;
  readonly tool_name?: string;
  readonly last_assistant_message?: string;
  readonly background_tasks?: readonly unknown[];
  readonly tool_response?: unknown;
  readonly notification_type?: string;
  readonly source?: string;
}

export interface Entry {
  readonly type: string;
  readonly message?: {
    readonly id?: string;
    readonly content: string | readonly { readonly type: string; readonly text?: string; readonly content?: string }[];
    readonly stop_reason?: string;
    readonly usage?: { readonly input_tokens: number };
  };
  readonly isSidechain?: boolean;
}

interface Start {
  readonly id?: string;
  readonly prompt?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly mode?: string;
  readonly config?: string;
}

const stages: Stage[] = [];
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.end();
});

/** An account, a project and a tmux server, all of them fresh. */
export class Stage {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-fake-agent-')));
  readonly project = join(this.root, 'project');
  readonly config = join(this.root, 'config');
  readonly hold = join(this.root, 'hold');
  readonly settings = join(this.root, 'settings.json');
  #panes = 0;

  constructor() {
    for (const dir of [this.project, this.config, join(this.root, 'hooks'), join(this.root, 'answers')]) mkdirSync(dir);
    writeFileSync(join(this.root, 'reporter.sh'), REPORTER);
    const command = `sh ${join(this.root, 'reporter.sh')} ${this.root}`;
    const hooks = Object.fromEntries(EVENTS.map((event) => [event, [{ hooks: [{ type: 'command', command }] }]]));
    writeFileSync(this.settings, JSON.stringify({ hooks, skipDangerousModePermissionPrompt: true }));
    this.accept(this.config);
    stages.push(this);
  }

  /** Says in an account's file what its person has said once. */
  accept(config: string, trusted: readonly string[] = [this.project]): void {
    mkdirSync(config, { recursive: true });
    const projects = Object.fromEntries(trusted.map((path) => [path, { hasTrustDialogAccepted: true }]));
    writeFileSync(join(config, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true, projects }));
  }

  async tmux(...args: string[]): Promise<string> {
    const socket = join(this.root, 'tmux');
    const { stdout } = await run('tmux', ['-u', '-S', socket, '-f', '/dev/null', ...args]);
    return stdout;
  }

  /** The fake agent in a pane of its own; the pane stays when it ends. */
  async start({ id, prompt, args = [], env = {}, mode = 'default', config = this.config }: Start = {}): Promise<Pane> {
    const argv = [process.execPath, fakeClaude, ...(id === undefined ? [] : ['--session-id', id]), ...args];
    argv.push('--settings', this.settings, '--permission-mode', mode, ...(prompt === undefined ? [] : ['--', prompt]));
    const session = `pane${++this.#panes}`;
    const variables = Object.entries({ CLAUDE_CONFIG_DIR: config, IS_SANDBOX: '1', ...env });
    const set = variables.flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', '120', '-y', '40'];
    const first = this.#panes === 1 ? ['set-option', '-g', 'remain-on-exit', 'on', ';'] : [];
    const begin = ['new-session', '-d', '-s', session, ...size, '-c', this.project, ...set];
    if (first.length > 0) await this.tmux('start-server', ';', ...first, 'set-option', '-g', 'exit-empty', 'off');
    await this.tmux(...begin, ...argv);
    const pid = await this.tmux('display-message', '-p', '-t', session, '#{pane_pid}');
    return new Pane(this, session, Number(pid));
  }

  /** What the hooks have reported, oldest first. */
  reports(event?: string): Report[] {
    return readdirSync(join(this.root, 'hooks'))
      .filter((name) => !name.startsWith('.'))
      .sort()
      .map((name) => ({ ...JSON.parse(readFileSync(join(this.root, 'hooks', name), 'utf8')), name }) as Report)
      .filter(({ hook_event_name }) => event === undefined || hook_event_name === event);
  }

  events(): string[] {
    return this.reports().map(({ hook_event_name }) => hook_event_name);
  }

  async heard(event: string, count = 1): Promise<Report> {
    await until(() => this.reports(event).length >= count, 20_000);
    return this.reports(event)[count - 1] as Report;
  }

  /** What the hook that waits for this request shall print. */
  answer({ name }: Report, decision: unknown): void {
    const output = { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } };
    const text = decision === undefined ? '' : JSON.stringify(output);
    writeFileSync(join(this.root, 'answers', name.replace('.json', '')), text);
  }

  /** How often the agent really did it. */
  lines(file: string): string[] {
    const path = join(this.project, file);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  }

  transcriptPath(id: string, config = this.config): string {
    return join(config, 'projects', this.project.replaceAll(/[^A-Za-z0-9]/g, '-'), `${id}.jsonl`);
  }

  transcript(id: string): Entry[] {
    const text = readFileSync(this.transcriptPath(id), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);
  }

  async end(): Promise<void> {
    await this.tmux('kill-server').catch(() => undefined);
    await until(() => this.left().length === 0, 3_000).catch(() => undefined); // the orderly ones tell their hooks
    for (const pid of this.left()) killQuietly(pid);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Everything that was started here carries the folder in its environment. */
  left(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        try {
          return pid > 1 && pid !== process.pid && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(this.root);
        } catch {
          return false;
        }
      });
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has just ended
  }
}

export class Pane {
  readonly #stage: Stage;
  readonly #name: string;
  readonly pid: number;

  constructor(stage: Stage, name: string, pid: number) {
    this.#stage = stage;
    this.#name = name;
    this.pid = pid;
  }

  /** Its rows without the empty ones. */
  async screen(): Promise<string> {
    const text = await this.#stage.tmux('capture-pane', '-p', '-S', '-', '-t', this.#name);
    return text.replaceAll(/\n(?:\s*\n)+/g, '\n');
  }

  async shows(text: string | RegExp): Promise<string> {
    let screen = '';
    await until(async () => {
      screen = await this.screen();
      return typeof text === 'string' ? screen.includes(text) : text.test(screen);
    }, 20_000).catch(() => {
      throw new Error(`never shown: ${text}\n${screen}`);
    });
    return screen;
  }

  /** Waits until it takes prompts, and Enters are no longer lost. */
  async ready(): Promise<void> {
    await this.shows('❯\u00a0');
    await until(() => this.state()?.status === 'idle');
    await this.#awake();
  }

  async #awake(): Promise<void> {
    const { startedAt = 0 } = this.state() ?? {};
    await until(() => Date.now() > startedAt + 250);
  }

  /** Types a prompt of one line and sends it. */
  async submit(text: string): Promise<void> {
    await this.#awake();
    await this.type(text);
    await this.shows(`❯\u00a0${text}`);
    await this.press('Enter');
  }

  async press(...keys: string[]): Promise<void> {
    await this.#stage.tmux('send-keys', '-t', this.#name, ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#stage.tmux('send-keys', '-t', this.#name, '-l', '--', text);
  }

  async paste(text: string): Promise<void> {
    await this.#stage.tmux(
      'set-buffer',
      '-b',
      'p',
      '--',
      text,
      ';',
      'paste-buffer',
      '-d',
      '-p',
      '-b',
      'p',
      '-t',
      this.#name,
    );
  }

  /** What it says of itself. */
  state(config = this.#stage.config): { status?: string; waitingFor?: string; startedAt?: number } | undefined {
    try {
      return JSON.parse(readFileSync(join(config, 'sessions', `${this.pid}.json`), 'utf8'));
    } catch {
      return undefined;
    }
  }

  async says(status: string): Promise<void> {
    await until(() => this.state()?.status === status, 20_000);
  }

  /** Its exit status, once it has ended. A tmux that has missed a death looks again when it is told that there was one. */
  async ended(): Promise<string> {
    let dead = '';
    await until(async () => {
      dead = await this.#stage.tmux(
        'display-message',
        '-p',
        '-t',
        this.#name,
        '#{pane_dead} #{pane_dead_status} #{pid}',
      );
      if (/^1 +\d+$/.test(dead.trim())) process.kill(Number(dead.trim().slice(2)), 'SIGCHLD');
      return /^1 \d+ \d/.test(dead);
    }, 20_000);
    return dead.split(' ')[1] as string;
  }

  close(): Promise<string> {
    return this.#stage.tmux('kill-session', '-t', this.#name);
  }
}
