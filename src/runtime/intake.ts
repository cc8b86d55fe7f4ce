import type { Config } from './model/config.ts';
import type { Project } from './model/event.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { Route } from './model/route.ts';
import type { Cause } from './model/task.ts';
import { newTask } from './new-task.ts';
import { type Gauge, later, type MachineLimits, refuseOverload } from './policy/backpressure.ts';
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
  /** What the machine has to do, and has left in memory and on the disk of a folder. */
  readonly gauge: (dir: string) => Promise<Gauge>;
  readonly route: (task: NewTask) => Route;
}

export type Admission = Pick<IntakePorts, 'store' | 'config' | 'home' | 'gauge'>;

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

/** Stores tasks in one step; where this machine has no room for them, only what is there already is answered. */
export async function admit(
  { store, config, home, gauge }: Admission,
  tasks: readonly NewTask[],
  cause: Cause,
): Promise<(Enqueued | Refusal)[] | Refusal> {
  const noRoom = isMeasured(config.limits) ? refuseOverload(await gauge(home), config.limits, home) : undefined;
  try {
    return await store.enqueue(tasks, cause, noRoom);
  } catch (error) {
    if (!(error instanceof JournalFull)) throw error;
    const full = refuse(
      'full',
      'the disk of the home is full; nothing was taken',
      `make room at ${home} and try again`,
    );
    return later(full);
  }
}

function isMeasured({ min_free_bytes, min_free_memory, max_load_per_cpu }: MachineLimits): boolean {
  return min_free_bytes > 0 || min_free_memory > 0 || max_load_per_cpu > 0;
}
