import type { SessionAgent } from '../agents/agent.ts';
import { REPORTER, REPORTER_NAME } from '../agents/reporter.ts';
import type { Claimed } from '../dispatcher/launch.ts';
import type { FleetSessions } from '../fleet-sessions.ts';
import type { Allowance } from '../model/allowance.ts';
import type { CodingAgentName, Config } from '../model/config.ts';
import type { JournalRecord } from '../model/event.ts';
import { holdsAt } from '../model/hold.ts';
import type { ProjectId, TaskRef } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { AgentRoute } from '../model/route.ts';
import type { Chance, Clock, Commands, Files, Pipes, Runner, TaskStore, Watcher } from '../ports.ts';
import type { Environment } from '../runs/environment.ts';
import type { SessionDesk } from '../session-desk.ts';
import type { Tmux } from '../terminals.ts';
import type { Checks, Workspaces } from '../work.ts';
import type { Caller, Need } from '../yard.ts';
import { Profiles } from './accounts/profiles.ts';
import type { AgentRequest, OtherAttempts } from './attempts/attempt-ports.ts';
import { SessionAttempts } from './attempts/attempts.ts';
import { SessionsDesk } from './desk.ts';
import { Notifier } from './notify.ts';
import { Pool } from './pool/pool.ts';
import { OpenRequests } from './requests/requests.ts';
import { Guard } from './typing/guard.ts';
import { message } from './typing/message.ts';
import { type Asker, doingOf, type PaneAgent } from './typing/pane-agent.ts';

export interface SessionsParts {
  readonly home: string;
  readonly userHome: string;
  readonly store: TaskStore & { follow(listener: (record: JournalRecord) => void): () => void };
  readonly runner: Runner;
  readonly files: Files;
  readonly watcher: Watcher;
  readonly pipes: Pipes;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly tmux: Tmux;
  /** What tmux marks panes of this home with. */
  readonly mark: string;
  readonly agent: (program: CodingAgentName) => SessionAgent;
  /** The live configuration, and how it counts for one project's tasks. */
  readonly config: Config;
  readonly of: (project: ProjectId) => Config;
  /** What agents may take now. */
  readonly limits: () => Pick<Allowance, 'agents'>;
  readonly env: Environment;
  /** Sessions with a task, claims under way included. */
  readonly live: () => ReadonlySet<string>;
  readonly real: (path: string) => Promise<string | undefined>;
  readonly projectName: (id: ProjectId) => string;
  readonly freed: (task: TaskRef) => void;
  /** Other places are free now. */
  readonly changed: () => void;
  readonly workspaces: Workspaces;
  readonly checks: Checks;
  readonly headless: OtherAttempts & {
    /** The agent of the run that is called so. */
    asker(name: string): Asker | undefined;
    /** A hook has taken the answer to this. */
    answered(request: AgentRequest): void;
  };
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

/** The pane of an agent that tmux has not shown us yet: it can be answered through its hook, and tmux refuses to type there. */
const UNSEEN = '%';

/** Sessions as a whole: the places, the attempts in them, what agents ask, their accounts, and who is told. */
export class Sessions {
  readonly desk: SessionDesk;
  readonly profiles: Profiles;
  readonly requests: OpenRequests;
  readonly #parts: SessionsParts;
  readonly #pool: Pool;
  readonly #attempts: SessionAttempts;
  readonly #guard: Guard;
  readonly #notifier: Notifier;
  #reporter: Promise<string> | undefined;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    const { store, say, config, tmux, agent } = parts;
    const agentIn = (seat: string) => this.#agentIn(seat);
    const askerIn = (seat: string) => this.#agentIn(seat) ?? parts.headless.asker(seat);
    this.profiles = new Profiles(parts);
    this.requests = new OpenRequests({ ...parts, agentIn: askerIn });
    this.#guard = new Guard({ ...parts, requests: this.requests });
    this.#pool = new Pool({
      ...parts,
      projects: () => store.projects(),
      inUse: (seat) => this.#attempts.inUse(seat),
      holds: () => holdsAt(store.holds(), parts.clock.now()),
      record: (event) => void store.record(event, { by: 'runner' }).catch(() => undefined), // a lost journal says so itself
      report: (problem) => say('error', 'the sessions could not be looked after', { error: String(problem) }),
    });
    this.#attempts = new SessionAttempts({
      ...parts,
      agent,
      seats: this.#pool,
      config: parts.of,
      profiles: this.profiles,
      requests: this.requests,
      message: (seat, text) => this.#tell(seat, text),
      screen: (seat) => this.#screen(seat),
      reporter: () => this.reporter(),
      record: (event, cause) => store.record(event, cause),
    });
    this.requests.subscribe((request) => {
      this.#attempts.answered(request);
      parts.headless.answered(request);
    });
    this.profiles.onChange(() => parts.changed());
    this.#notifier = new Notifier({
      ...parts,
      config,
      cwd: parts.home,
      follow: (listener) => store.follow(listener),
    });
    this.desk = new SessionsDesk({
      ...parts,
      tmux,
      pool: this.#pool,
      attempt: (seat) => this.#attempts.view(seat),
      agentIn,
      requests: this.requests,
      guard: this.#guard,
      profiles: this.profiles,
      interrupted: (session, cause) =>
        store.record({ type: 'session_changed', session, what: 'interrupted', detail: `by ${cause.by}` }, cause),
    });
  }

  /** How long an agent may take has changed. */
  limitsChanged(): void {
    this.#attempts.limitsChanged();
  }

  launch(claimed: Claimed<AgentRoute>): Promise<void> {
    return this.#attempts.launch(claimed);
  }

  /** Settles when what an earlier runtime left at work is taken up; the sessions themselves follow. */
  async start(): Promise<void> {
    this.profiles.start();
    this.#notifier.start();
    await this.#attempts.start();
    void this.#pool.start().catch((error) => {
      this.#parts.say('error', 'the sessions could not be looked after', { error: String(error) });
    });
  }

  configured(): void {
    this.#pool.configured();
  }

  /** After the dispatcher: nothing is launched any more. Sessions and agents go on. */
  async stop(): Promise<void> {
    await this.#attempts.stop();
    await this.#pool.stop();
    await this.requests.close();
    await this.#notifier.stop();
    this.profiles.stop();
    await this.#parts.tmux.close();
  }

  forFleet(): FleetSessions {
    return {
      seats: this.#pool.all(),
      keeps: (program) => this.#parts.agent(program).keeps,
      profileGate: (program) => this.profiles.gate(program),
      windows: (program) => this.profiles.windows(program),
      occupied: (seat) => this.#attempts.inUse(seat),
    };
  }

  /** Makes a conversation free for somebody else; who has it, where it is not. */
  async leave(conversation: string): Promise<string | undefined> {
    const writer = this.#attempts.writerOf(conversation);
    if (writer === undefined) await this.#attempts.leaveTo(conversation);
    return writer;
  }

  needs(): readonly Need[] {
    return this.#notifier.needs();
  }

  /** Who calls from inside a conversation that we supervise. */
  caller(conversation: string): Caller | undefined {
    const task = this.#pool
      .all()
      .map(({ name }) => this.#attempts.view(name))
      .find((view) => view?.conversation === conversation && !view.lingering)?.task;
    const open = task && this.#parts.store.open().get(`${task.ref.project}/${task.ref.id}`);
    if (!task || !open) return undefined;
    const name = `attempt ${task.attempt} of ${task.ref.id}`;
    return { principal: 'attempt', name, task: task.ref, depth: open.depth };
  }

  #agentIn(seat: string): PaneAgent | undefined {
    const view = this.#attempts.view(seat);
    const place = this.#pool.get(seat);
    if (view?.conversation === undefined || !place) return undefined;
    const pane = 'pane' in place.presence ? place.presence.pane : undefined;
    const { run_dir, conversation, config_dir, pid, transcript } = view;
    return {
      ...{ seat, run_dir, conversation, home: this.#parts.userHome, agent: this.#parts.agent(place.agent) },
      ...(config_dir !== undefined && { config_dir }),
      ...(transcript !== undefined && { transcript }),
      target: { pane: pane?.pane ?? UNSEEN, pid: pid ?? pane?.pid ?? 0 },
      doing: () => {
        const now = this.#attempts.view(seat);
        return now?.run_dir === run_dir ? doingOf(now) : { kind: 'gone', detail: 'another attempt works there' };
      },
    };
  }

  async #tell(seat: string, text: string) {
    const agent = this.#agentIn(seat);
    if (agent === undefined) return 'unconfirmed' as const;
    const typed = await message(this.#guard, agent, text, { by: 'runner' });
    return isRefusal(typed) ? typed : typed.verdict;
  }

  async #screen(seat: string): Promise<string | undefined> {
    const presence = this.#pool.get(seat)?.presence;
    if (presence === undefined || !('pane' in presence)) return undefined;
    const read = await this.#parts.tmux.read(presence.pane.pane, { lines: 200 });
    return isRefusal(read) ? undefined : read;
  }

  /** The script of the hooks. Its name tells its text: a newer runtime has another one, and agents of the older keep theirs. */
  reporter(): Promise<string> {
    this.#reporter ??= this.#writeReporter();
    return this.#reporter;
  }

  async #writeReporter(): Promise<string> {
    const path = `${this.#parts.home}/${REPORTER_NAME}`;
    await this.#parts.files.create(path, new TextEncoder().encode(REPORTER));
    return path;
  }
}
