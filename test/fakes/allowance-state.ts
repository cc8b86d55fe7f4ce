import type { Event } from '../../src/runtime/model/event.ts';
import { keyOf, ProjectId, TaskId } from '../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../src/runtime/model/route.ts';
import { TaskSpec, type TaskSpecInput } from '../../src/runtime/model/spec.ts';
import { type OpenTask, Outcome, type OutcomeInput } from '../../src/runtime/model/task.ts';
import type { Change } from '../../src/runtime/ports.ts';
import { State } from '../../src/runtime/store/state.ts';

export const SHOP = ProjectId.parse('p_000000000001');
export const FAR: RunRoute = { to: 'provider', provider: 'far', model: 'big', rules: [] };
const PLACE = { segment: 's', offset: 0, length: 0 };

type TaskEventOf<T extends Event['type']> = Omit<Extract<Event, { type: T }>, 'type' | 'project' | 'id' | 'attempt'>;

/** The fold of a journal that a test writes line by line. */
export class Told {
  state = new State();
  at: number;
  /** Hears of changes as the store's listeners do. */
  heard: (changes: readonly Change[]) => void = () => undefined;

  constructor(at: number) {
    this.at = at;
  }

  queue(id: string, spec: TaskSpecInput = {}): void {
    const said = { title: id, sha: '', size: 0, source: 'call' as const, enqueued_by: 'test', depth: 0 };
    const counts = { attempt: 0, spent: 0, waits_for: [] };
    const task = { ...this.ref(id), spec: TaskSpec.parse(spec), state: 'queued' as const, queued_at: this.at };
    this.tell({ type: 'task_queued', task: { ...task, ...said, ...counts }, bytes: { text: '' } });
  }

  claim(id: string, route: RunRoute = FAR): void {
    this.tell({
      ...{ type: 'task_claimed', ...this.ref(id), attempt: this.task(id).attempt + 1 },
      ...{ token: 't', route, sha: '' },
    });
  }

  end(id: string, outcome: OutcomeInput): void {
    this.tell({
      type: 'task_finished',
      ...this.ref(id),
      attempt: this.task(id).attempt,
      outcome: Outcome.parse(outcome),
    });
  }

  void(id: string): void {
    this.tell({ type: 'claim_void', ...this.ref(id), attempt: this.task(id).attempt, reason: 'x' });
  }

  requeue(id: string, more: Partial<TaskEventOf<'task_requeued'>> = {}): void {
    const usual = { error_class: 'crash' as const, reason: 'x', not_before: 0, spent: true };
    this.tell({ type: 'task_requeued', ...this.ref(id), attempt: this.task(id).attempt, ...usual, ...more });
  }

  tell(event: Event): void {
    const record = { seq: this.state.seq + 1, at: this.at, type: event.type, cause: { by: 'owner' as const } };
    this.heard(this.state.apply({ ...record, events: [event] }, PLACE));
  }

  /** As a snapshot keeps it and another runtime reads it. */
  restart(): void {
    this.state = State.from(JSON.parse(JSON.stringify(this.state.toJSON())));
  }

  task(id: string): OpenTask {
    const task = this.state.open.get(keyOf(this.ref(id)));
    if (!task) throw new Error(`${id} is not open`);
    return task;
  }

  ref(id: string) {
    return { project: SHOP, id: TaskId.parse(id) };
  }
}
