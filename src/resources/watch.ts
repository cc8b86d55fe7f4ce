import type { JournalRecord } from '../runtime/model/event.ts';
import { keyOf, type ProjectId, type TaskKey, type TaskRef } from '../runtime/model/ids.ts';
import { isLive, type OpenTask } from '../runtime/model/task.ts';
import type { Change } from '../runtime/ports.ts';
import type { Yard } from '../runtime/yard.ts';
import { asksAPerson } from '../tools/sessions/may-answer.ts';
import { type BoxName, EVENTS_URI, queueUri, sessionUri, taskUri } from './address.ts';
import type { Changed, Listening, ListName } from './audience.ts';
import { boxOf } from './queues.ts';

/*
 * H1. While nobody listens nothing is looked at; while nobody subscribed no address is worked out.
 * H2. The first change is told at once, what follows within GAP_MS together: no address more often, the last one always.
 * H3. What is held meanwhile is one name per task that changed within GAP_MS.
 */

const GAP_MS = 150;

/** Tells which resources change, until the returned function is called. */
export function watchResources(yard: Yard, changed: Changed, listening: () => Listening): () => void {
  let touched = new Touched();
  let projects = projectsOf(yard);
  let asking = askingOf(yard);
  let told = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;

  const tell = (): void => {
    cancel = undefined;
    told = yard.clock.now();
    const before = { projects, asking };
    projects = projectsOf(yard);
    asking = askingOf(yard);
    const uris = touched.addresses(yard);
    touched = new Touched();
    const lists: ListName[] = [
      ...(projects === before.projects ? [] : (['resources'] as const)),
      ...(asking === before.asking ? [] : (['tools'] as const)),
    ];
    if (uris.length > 0 || lists.length > 0) changed(uris, lists);
  };
  const hear = (touch: () => void): void => {
    const to = listening();
    if (to === 'nothing') return; // H1
    if (to === 'resources') touch();
    cancel ??= yard.clock.after(Math.max(0, told + GAP_MS - yard.clock.now()), tell); // H2
  };
  const unsubscribe = yard.store.subscribe((changes) => hear(() => touched.add(changes)));
  const unfollow = yard.follow((record) => {
    const names = sessionsIn(record);
    if (names.length > 0) hear(() => touched.addSessions(names));
  });
  return () => {
    unsubscribe();
    unfollow();
    cancel?.();
  };
}

/** Each project is an entry of the list of resources. */
function projectsOf({ store }: Yard): string {
  return store
    .projects()
    .map(({ id, name }) => `${id} ${name}`)
    .join('\n');
}

/** Whether clients are told to ask their users before they answer: part of what the list of tools says. */
function askingOf({ config }: Yard): boolean {
  return asksAPerson(config.orchestrator_may_answer);
}

/** The sessions that a record is about. */
function sessionsIn({ events }: JournalRecord): string[] {
  return events.flatMap((event) => {
    switch (event.type) {
      case 'session_changed':
      case 'task_blocked':
      case 'task_unblocked':
        return [event.session];
      default:
        return [];
    }
  });
}

/** What changes have touched, by name; addresses are made of it once per telling. */
class Touched {
  readonly #tasks = new Map<TaskKey, TaskRef>();
  readonly #boxes = new Map<ProjectId, Set<BoxName>>();
  readonly #agents = new Set<string>();
  readonly #named = new Set<string>();
  /** Without a terminal: called as their tasks are. */
  readonly #headless = new Set<TaskKey>();
  #any = false;
  #unnamed = false;

  add(changes: readonly Change[]): void {
    this.#any = true;
    // A record without a task, such as a pause: tasks of any project may wait for another reason now.
    if (changes.length === 0) this.#unnamed = true;
    for (const { before, after } of changes) {
      for (const task of [before, after]) {
        if (task === undefined) continue;
        this.#tasks.set(keyOf(task), { project: task.project, id: task.id });
        this.#boxes.set(task.project, (this.#boxes.get(task.project) ?? new Set()).add(boxOf(task.state)));
        if (!('finished_at' in task)) this.#agent(task);
      }
    }
  }

  addSessions(names: readonly string[]): void {
    this.#any = true;
    for (const name of names) this.#named.add(name);
  }

  addresses(yard: Yard): string[] {
    if (!this.#any) return [];
    const names = new Map(yard.store.projects().map(({ id, name }) => [id, name]));
    const nameOf = (id: ProjectId): string => names.get(id) ?? id;
    return [
      ...[...this.#tasks.values()].map(({ project, id }) => taskUri({ project: nameOf(project), id })),
      ...this.#queues([...names.keys()], nameOf),
      ...this.#sessions(yard),
      EVENTS_URI,
    ];
  }

  #queues(all: readonly ProjectId[], nameOf: (id: ProjectId) => string): string[] {
    const waiting = this.#unnamed ? all : [];
    for (const id of waiting) this.#boxes.set(id, (this.#boxes.get(id) ?? new Set()).add('inbox'));
    return [
      ...[...new Set([...this.#boxes.values()].flatMap((some) => [...some]))].map((box) => queueUri(box)),
      ...[...this.#boxes].flatMap(([id, some]) => [...some].map((box) => queueUri(box, nameOf(id)))),
    ];
  }

  /** Slots are numbered by who began first: an end may move all of an agent's. A session is its tasks' agent itself. */
  #sessions(yard: Yard): string[] {
    if (this.#agents.size === 0 && this.#named.size === 0 && this.#headless.size === 0) return [];
    const slots = this.#agents.size === 0 ? [] : yard.slots().filter(({ agent }) => this.#agents.has(agent));
    const sessions = yard.sessions.list().filter(({ name }) => this.#agents.has(name));
    const runs = [...this.#headless].flatMap((key) => {
      const task = this.#tasks.get(key);
      return task ? [`${yard.projectName(task.project)}/${task.id}`] : [];
    });
    const names = new Set([...[...slots, ...sessions].map(({ name }) => name), ...runs]);
    return [...names, ...[...this.#named].filter((name) => !names.has(name))].map(sessionUri);
  }

  #agent(task: OpenTask): void {
    if (!isLive(task) || task.route.to !== 'agent') return;
    if (task.route.kind === 'headless') this.#headless.add(keyOf(task));
    else this.#agents.add(task.route.agent);
  }
}
