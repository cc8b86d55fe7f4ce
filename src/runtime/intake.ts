import type { Config } from './model/config.ts';
import type { Project } from './model/event.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { Route } from './model/route.ts';
import type { Cause } from './model/task.ts';
import { newTask } from './new-task.ts';
import { refuseCallback } from './policy/callback-url.ts';
import type { Enqueued, NewTask, TaskStore } from './ports.ts';
import type { Projects } from './projects.ts';
import { JournalFull } from './store/journal/errors.ts';
import type { Caller, NewTaskInput } from './yard.ts';

export interface IntakePorts {
  readonly projects: Projects;
  readonly store: Pick<TaskStore, 'enqueue'>;
  readonly config: Config;
  readonly home: string;
  /** What is left on the disk of a folder; undefined where that can't be told. */
  readonly freeBytes: (dir: string) => Promise<number | undefined>;
  readonly route: (task: NewTask) => Route;
}

type Wanted = { readonly project: string; readonly input: NewTaskInput };

/** Tasks that come by call: each is checked by itself, and all that are sound are stored in one step. */
export class Intake {
  readonly #ports: IntakePorts;

  constructor(ports: IntakePorts) {
    this.#ports = ports;
  }

  async enqueue(tasks: readonly Wanted[], cause: Cause, caller: Caller): Promise<(Enqueued | Refusal)[]> {
    const projects = await this.#projects(tasks, cause);
    const made = tasks.map(({ project, input }) => this.#make(projects.get(project), input, caller));
    const sound = made.filter((one): one is NewTask => !isRefusal(one));
    const answers = sound.length > 0 ? await admit(this.#ports, sound, cause) : [];
    let next = 0;
    return made.map((one) =>
      isRefusal(one) ? one : isRefusal(answers) ? answers : (answers[next++] as Enqueued | Refusal),
    );
  }

  async #projects(tasks: readonly Wanted[], cause: Cause): Promise<Map<string, Project | Refusal>> {
    const projects = new Map<string, Project | Refusal>();
    for (const { project } of tasks) {
      if (!projects.has(project))
        projects.set(project, await this.#ports.projects.resolve(project, { adopt: true, cause }));
    }
    return projects;
  }

  #make(project: Project | Refusal | undefined, input: NewTaskInput, caller: Caller): NewTask | Refusal {
    if (project === undefined || isRefusal(project)) {
      return project ?? refuse('not_found', 'project: it is not known', 'give an absolute path or a configured name');
    }
    const task = newTask(project, input, caller, this.#ports.config);
    if (isRefusal(task)) return task;
    const uncallable = refuseCallback(task.spec.callback_url, this.#ports.config.callbacks);
    if (uncallable) return uncallable;
    const route = this.#ports.route(task);
    return route.to === 'refuse'
      ? refuse('invalid', route.reason, 'change the keys that it names; decide_route shows the rules')
      : task;
  }
}

/** Stores tasks in one step, or nothing where the disk has no room for them. */
export async function admit(
  { store, config, home, freeBytes }: Pick<IntakePorts, 'store' | 'config' | 'home' | 'freeBytes'>,
  tasks: readonly NewTask[],
  cause: Cause,
): Promise<(Enqueued | Refusal)[] | Refusal> {
  const { min_free_bytes } = config.limits;
  const free = min_free_bytes > 0 ? await freeBytes(home) : undefined;
  if (free !== undefined && free < min_free_bytes) {
    const message = `the disk of the home has ${free} bytes left, fewer than limits.min_free_bytes (${min_free_bytes}); nothing was taken`;
    return refuse('full', message, `make room at ${home} and try again`);
  }
  try {
    return await store.enqueue(tasks, cause);
  } catch (error) {
    if (!(error instanceof JournalFull)) throw error;
    return refuse('full', 'the disk of the home is full; nothing was taken', `make room at ${home} and try again`);
  }
}
