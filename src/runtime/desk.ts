import type { Delegations } from './delegations/delegations.ts';
import type { Dispatcher } from './dispatcher/dispatcher.ts';
import type { Inbox } from './inbox/inbox.ts';
import type { Config } from './model/config.ts';
import type { JournalRecord, Project } from './model/event.ts';
import type { Fleet } from './model/fleet.ts';
import type { ProjectId, TaskRef } from './model/ids.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { ProviderRoute, Route } from './model/route.ts';
import type { TaskSpec } from './model/spec.ts';
import type { Cause, FinishedTask, OpenTask } from './model/task.ts';
import type { TaskSummary } from './model/view.ts';
import { needsOf } from './needs.ts';
import { newTask } from './new-task.ts';
import { askFor, askOf } from './policy/ask.ts';
import { decide } from './policy/decide.ts';
import { findProvider } from './policy/delegation.ts';
import type { Clock, Enqueued, Files, NewTask } from './ports.ts';
import type { Projects } from './projects.ts';
import { runDirOf, runFiles } from './runs/order.ts';
import { readPage, readTail } from './runs/reader.ts';
import { slotsOf } from './slots.ts';
import type { FileStore } from './store/file-store.ts';
import { JournalFull } from './store/journal/errors.ts';
import { summarize } from './summary.ts';
import type { Caller, Need, NewTaskInput, RunText, SlotView, Yard } from './yard.ts';

const LOG_PAGE = 64 * 1024;
const FAILED_SHOWN_MS = 24 * 3_600_000;

export interface DeskPorts {
  readonly config: Config;
  readonly clock: Clock;
  readonly files: Files;
  readonly store: FileStore;
  readonly version: string;
  readonly home: string;
  readonly projects: Projects;
  readonly dispatcher: Dispatcher;
  readonly delegations: Delegations;
  readonly inboxes: ReadonlyMap<ProjectId, Inbox>;
  readonly fleet: () => Fleet;
  readonly offline: ReadonlyMap<string, string>;
}

/** The runtime's front: what tools, command line and resources ask goes from here to the service that knows. */
export class Desk implements Yard {
  readonly config: Config;
  readonly clock: Clock;
  readonly store: FileStore;
  readonly version: string;
  readonly home: string;
  readonly #ports: DeskPorts;

  constructor(ports: DeskPorts) {
    this.#ports = ports;
    this.config = ports.config;
    this.clock = ports.clock;
    this.store = ports.store;
    this.version = ports.version;
    this.home = ports.home;
  }

  project(nameOrPath: string, options: { adopt: boolean; cause: Cause }): Promise<Project | Refusal> {
    return this.#ports.projects.resolve(nameOrPath, options);
  }

  projectName(id: ProjectId): string {
    return this.store.projects().find((project) => project.id === id)?.name ?? id;
  }

  async enqueue(
    tasks: readonly { project: string; input: NewTaskInput }[],
    cause: Cause,
    caller: Caller,
  ): Promise<(Enqueued | Refusal)[]> {
    const resolved = new Map<string, Project | Refusal>();
    for (const { project } of tasks) {
      if (!resolved.has(project)) resolved.set(project, await this.project(project, { adopt: true, cause }));
    }
    const made = tasks.map(({ project, input }) => {
      const home = resolved.get(project);
      return home === undefined || isRefusal(home)
        ? (home ?? unknownProject(project))
        : newTask(home, input, caller, this.config);
    });
    const fresh = made.filter((one): one is NewTask => !isRefusal(one));
    if (fresh.length === 0) return made.filter(isRefusal);
    const answers = (await this.#whileThereIsRoom(() => this.store.enqueue(fresh, cause))) ?? [];
    if (isRefusal(answers)) return made.map((one) => (isRefusal(one) ? one : answers));
    let next = 0;
    return made.map((one) => (isRefusal(one) ? one : (answers[next++] as Enqueued | Refusal)));
  }

  async #whileThereIsRoom<T>(act: () => Promise<T>): Promise<T | Refusal> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof JournalFull)) throw error;
      return refuse(
        'full',
        'the disk of the home is full; nothing was taken',
        `make room at ${this.home} and try again`,
      );
    }
  }

  async delegate(
    ref: TaskRef,
    provider: string | undefined,
    cause: Cause,
  ): Promise<{ ref: TaskRef; provider: string } | Refusal> {
    const task = await this.store.get(ref);
    if (!task || 'finished_seq' in task || task.state !== 'queued') {
      return refuse(
        'not_possible',
        `task ${ref.id} is ${task?.state ?? 'not there'}; only a queued task can be delegated`,
        'job_status shows it',
      );
    }
    if (task.spec.needs_claude_code)
      return refuse(
        'not_allowed',
        `task ${ref.id} says needs_claude_code: it can't leave this machine`,
        'enqueue it without that key',
      );
    if (task.spec.allow_delegation === false)
      return refuse('not_allowed', `task ${ref.id} says allow_delegation: false`, 'enqueue it without that key');
    const found = findProvider(provider ?? 'auto', this.fleet());
    if (!found) return this.#noProvider(provider);
    const says = `delegate asked for ${provider ?? 'auto'}`;
    const route: ProviderRoute = {
      to: 'provider',
      provider: found.provider.id,
      ...(found.ai !== undefined && { ai: found.ai }),
      rules: [{ rule: 'delegate', says }],
    };
    const claimed = await this.store.claim(ref, route, cause);
    if (isRefusal(claimed)) return claimed;
    void this.#ports.delegations.submit(claimed.lease, claimed.task, claimed.bytes);
    return { ref, provider: found.provider.id };
  }

  #noProvider(provider: string | undefined): Refusal {
    const known = this.fleet().providers.map(({ id }) => id);
    const which = provider === undefined ? 'no provider' : `provider "${provider}" is not`;
    return refuse(
      'not_configured',
      `provider: ${which} configured`,
      known.length > 0 ? `configured: ${known.join(', ')}` : 'add one to delegation.providers in yardmaster.yaml',
    );
  }

  fleet(): Fleet {
    return this.#ports.fleet();
  }

  route({ project, spec, task }: { project?: ProjectId; spec: TaskSpec; task?: OpenTask }): Route {
    const ask = task?.state === 'queued' ? askOf(task) : askFor(spec, project);
    return decide(ask, this.fleet(), this.clock.now());
  }

  summary(task: OpenTask | FinishedTask): TaskSummary {
    return summarize(
      task,
      (id) => this.projectName(id),
      (open) => this.#waiting(open),
    );
  }

  #waiting(task: OpenTask) {
    return task.state === 'queued' ? this.#ports.dispatcher.waiting(task) : undefined;
  }

  slots(): readonly SlotView[] {
    return slotsOf(this.config, this.store.open().values(), this.home);
  }

  runDir(ref: TaskRef, attempt: number): string {
    return runDirOf(this.home, ref, attempt);
  }

  async readRun(
    ref: TaskRef,
    attempt: number,
    { stream, tail }: { stream: 'stdout' | 'stderr'; tail: number },
  ): Promise<RunText | undefined> {
    const path = runFiles(this.runDir(ref, attempt))[stream];
    const stat = await this.#ports.files.stat(path);
    if (stat === undefined) return undefined;
    const { text } = await readTail(this.#ports.files, path, tail);
    return { text, size: stat.size, path };
  }

  async readRunPage(
    ref: TaskRef,
    attempt: number,
    { stream, offset }: { stream: 'stdout' | 'stderr'; offset: number },
  ): Promise<{ text: string; next: number }> {
    const path = runFiles(this.runDir(ref, attempt))[stream];
    const { text, next_offset } = await readPage(this.#ports.files, path, offset, LOG_PAGE);
    return { text, next: next_offset };
  }

  needs(): readonly Need[] {
    const { store } = this;
    const since = this.clock.now() - FAILED_SHOWN_MS;
    return needsOf({
      open: store.open(),
      recentlyFailed: store.recentlyFinished().filter((task) => task.finished_at >= since),
      waiting: (task) => this.#waiting(task),
      projectName: (id) => this.projectName(id),
      offline: this.#ports.offline,
      heldDrops: store
        .projects()
        .flatMap(({ name, held }) => (held?.length ? [{ project: name, count: held.length }] : [])),
      unowned: store.projects().filter(({ id }) => !store.owns(id)),
      troubles: store.troubles(),
    });
  }

  converged(): boolean {
    return this.store.converged() && [...this.#ports.inboxes.values()].every((inbox) => inbox.settled);
  }

  events(options: { after?: number; limit: number }): Promise<readonly JournalRecord[]> {
    return this.store.events(options);
  }

  async scan(project: ProjectId, { takeOver, cause }: { takeOver: boolean; cause: Cause }) {
    let released = 0;
    if (takeOver) {
      await this.store.releaseHeld(project, cause);
      released = await this.#release(project, cause);
    }
    const seen = await this.#ports.inboxes.get(project)?.scan({ takeOver });
    return { taken: seen?.taken ?? 0, rejected: seen?.rejected ?? 0, released };
  }

  /** The owner names the project: what was found there, started by somebody, may run. */
  async #release(project: ProjectId, { by }: Cause): Promise<number> {
    const unknown = [...this.store.open().values()].filter(
      (task) => task.project === project && task.state === 'unknown',
    );
    for (const task of unknown) await this.store.retry({ project, id: task.id }, { by });
    return unknown.length;
  }
}

function unknownProject(project: string): Refusal {
  return refuse('not_found', `project: ${project} is not known`, 'give an absolute path or a configured name');
}
