import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { type Accepted, type Client, cancelRunning, type Status, type World } from '../stories/world.ts';
import { until } from '../support/world.ts';
import type { Stage } from './model/stage.ts';
import { type Surroundings, settingsOf, surroundings, type Ways } from './sealed.ts';

const run = promisify(execFile);

/** A session as `list_sessions` shows it. */
export interface Shown {
  readonly name: string;
  readonly state: string;
  readonly blocked_on?: string;
  readonly task?: { readonly id: string; readonly attempt: number };
  readonly requests?: readonly Asked[];
}

interface Asked {
  readonly request_id: string;
  readonly kind: 'permission' | 'question';
  readonly tool: string;
  readonly input: string;
}

export interface Requeued {
  readonly type: string;
  readonly id: string;
  readonly error_class: string;
  readonly reason: string;
  readonly spent: boolean;
  readonly not_before: number;
}

export type Ended = Status['tasks'][number];

/** Somebody's yard with sessions of a real agent, seen as its user sees it. */
export class LiveYard {
  readonly around: Surroundings;
  readonly world: World;
  readonly stage: Stage;
  client!: Client;
  readonly #people: ChildProcess[] = [];

  private constructor(around: Surroundings) {
    this.around = around;
    this.world = around.world;
    this.stage = around.stage;
  }

  static async open(
    claude: string,
    ways: Ways | ((around: Surroundings) => Ways) = {},
    ports: readonly number[] = [],
  ): Promise<LiveYard> {
    const yard = new LiveYard(await surroundings(ports));
    const those = typeof ways === 'function' ? ways(yard.around) : ways;
    yard.world.configure(settingsOf(claude, yard.around, those));
    yard.client = await yard.world.connect();
    return yard;
  }

  enqueue(id: string, body: string, more: Record<string, unknown> = {}): Promise<Accepted> {
    const task = { project: 'shop', id, title: `Task ${id}`, body, mode: 'session' }; // a title of the body's words would say them twice
    return this.client.ask('enqueue_task', { ...task, ...more });
  }

  /** Its end, which must come within a minute and a half. */
  async ended(id: string, project = 'shop'): Promise<Ended> {
    for (let tries = 0; tries < 3; tries += 1) {
      const task = await this.client.one(project, id, { wait_seconds: 30, detail: 'result' });
      if (['done', 'failed', 'cancelled'].includes(task.state)) return task;
    }
    throw new Error(`${id} does not end: ${JSON.stringify(await this.sessions())}`);
  }

  /** How its first attempt that failed went back to the queue. */
  async requeued(id: string): Promise<Requeued> {
    let found: Requeued | undefined;
    await until(async () => {
      [found] = await this.requeues(id);
      return found !== undefined;
    }, 45_000);
    return found as Requeued;
  }

  async requeues(id: string): Promise<Requeued[]> {
    return (await this.world.events<Requeued>('task_requeued')).filter(({ id: of }) => of === id);
  }

  /** The front matter and text of its file. */
  file(folder: 'done' | 'failed', id: string): string {
    return this.world.read(this.world.queue(this.shop, folder, `${id}.md`));
  }

  get shop(): string {
    return `${this.world.user}/shop`;
  }

  async sessions(): Promise<readonly Shown[]> {
    return (await this.client.ask<{ sessions: Shown[] }>('list_sessions', { limit: 200 })).sessions;
  }

  /** Where a task is worked on, once it is in this state. */
  async session(id: string, fits: (session: Shown) => boolean): Promise<Shown> {
    let found: Shown | undefined;
    await until(async () => {
      found = (await this.sessions()).find((one) => one.task?.id === id && fits(one));
      return found !== undefined;
    }, 30_000);
    return found as Shown;
  }

  /** What the agent of this task asks. */
  async request(id: string): Promise<Asked & { session: string }> {
    const { name, requests = [] } = await this.session(id, (one) => (one.requests ?? []).length > 0);
    return { ...(requests[0] as Asked), session: name };
  }

  answer(request: Asked, answer: Record<string, unknown>): Promise<unknown> {
    return this.client.ask('answer_request', { request_id: request.request_id, ...answer });
  }

  say(name: string, text: string): Promise<{ verdict: string }> {
    return this.client.ask('message_session', { name, text });
  }

  /** A person types `tmux …`. */
  async person(...args: string[]): Promise<string> {
    const { tmux, socket, world } = this.around;
    return (await run(tmux, ['-u', '-S', socket, ...args], { env: world.env, timeout: 10_000 })).stdout;
  }

  screen(session: string): Promise<string> {
    return this.person('capture-pane', '-p', '-t', `=${session}:`);
  }

  press(session: string, ...keys: string[]): Promise<string> {
    return this.person('send-keys', '-t', `=${session}:`, ...keys);
  }

  /** Somebody looks at a session, in a terminal of this size. */
  async attach(session: string): Promise<void> {
    const { tmux, socket, world } = this.around;
    const attach = `stty rows 40 cols 120; exec '${tmux}' -u -S '${socket}' attach -t '=${session}'`;
    const terminal = spawn('script', ['-qfc', attach, '/dev/null'], {
      env: world.env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#people.push(terminal);
    await until(async () => (await this.person('list-clients', '-t', `=${session}`)) !== '');
  }

  async pid(session: string): Promise<number> {
    return Number(await this.person('display-message', '-p', '-t', `=${session}:`, '#{pane_pid}'));
  }

  async serverPid(): Promise<number> {
    return Number(await this.person('display-message', '-p', '#{pid}'));
  }

  async end(): Promise<void> {
    const { world, network, stage } = this.around;
    await cancelRunning(this.client);
    await this.client.close();
    await world.endRuntime('SIGTERM');
    await this.person('kill-server').catch(() => '');
    for (const terminal of this.#people) {
      if (terminal.exitCode !== null || terminal.signalCode !== null) continue;
      terminal.kill();
      await once(terminal, 'exit');
    }
    network.close();
    await world.end(); // fails when anything is left
    await stage.close();
  }
}
