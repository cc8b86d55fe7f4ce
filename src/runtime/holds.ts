import type { Load } from './load.ts';
import { type Hold, isPersons } from './model/hold.ts';
import type { ProjectId } from './model/ids.ts';
import type { TaskState } from './model/view.ts';
import { heldText, resumeCall, resumeCommand } from './policy/held.ts';
import type { HoldView, Need } from './yard.ts';

export interface HoldsAsked {
  /** Those in force. */
  readonly holds: readonly Hold[];
  readonly load: Pick<Load, 'total' | 'running' | 'allowance'>;
  readonly counts: ReadonlyMap<ProjectId, Readonly<Record<TaskState, number>>>;
  /** How many tasks wait for nothing but held places, by whose hold it is. */
  readonly waitingFor: () => ReadonlyMap<string, number>;
  readonly projectName: (id: ProjectId) => string;
}

/** Each hold, what still runs there and what waits for its end. Whether it is drained follows from what runs. */
export function holdViews(asked: HoldsAsked): HoldView[] {
  const { holds, projectName } = asked;
  const waiting = holds.some(({ scope }) => scope.of === 'agent') ? asked.waitingFor() : new Map<string, number>();
  return holds.map((hold) => {
    const running = runningOf(hold, asked);
    return {
      ...hold,
      ...(hold.scope.of === 'project' && { name: projectName(hold.scope.project) }),
      ...(hold.scope.of === 'agent' && { name: hold.scope.agent }),
      state: hold.kind === 'pause' ? 'paused' : running > 0 ? 'draining' : 'drained',
      ...{ running, waiting: waitingOf(hold, asked, waiting) },
    };
  });
}

function runningOf({ scope }: Hold, { load }: HoldsAsked): number {
  switch (scope.of) {
    case 'fleet':
      return load.total;
    case 'project':
      return load.running(scope.project);
    case 'agent':
      return load.allowance.at_work.get(scope.agent) ?? 0;
  }
}

function waitingOf({ scope }: Hold, { counts }: HoldsAsked, waiting: ReadonlyMap<string, number>): number {
  switch (scope.of) {
    case 'fleet':
      return [...counts.values()].reduce((sum, { queued }) => sum + queued, 0);
    case 'project':
      return counts.get(scope.project)?.queued ?? 0;
    case 'agent':
      return waiting.get(scope.agent) ?? 0;
  }
}

/** A hold is somebody's wish; that tasks wait for its end is what a person may have forgotten. */
export function holdNeeds(views: readonly HoldView[]): Need[] {
  return views
    .filter(({ waiting }) => waiting > 0)
    .map((view) => {
      const { scope, name = 'everything', waiting, at, until } = view;
      const resume = isPersons(view) ? resumeCommand(scope, name) : resumeCall(scope, name);
      const since = at === 0 ? '' : `, since ${new Date(at).toISOString()}`;
      const end = until === undefined ? '' : ` until ${new Date(until).toISOString()}`;
      const wait = waiting === 1 ? '1 task waits' : `${waiting} tasks wait`;
      return {
        what: `${name} is ${heldText(view)} (${wait}${since}${end})`,
        where: name,
        next: `${resume} lets work begin there again`,
      };
    });
}
