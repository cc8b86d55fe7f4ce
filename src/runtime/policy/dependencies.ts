/** A task as the search for cycles sees it; ids are those of one project. */
export interface Depends {
  readonly id: string;
  readonly depends_on: readonly string[];
}

/**
 * A cycle that the new tasks would close, as `a → b → a`, or nothing. Only what can be reached from a new task is
 * looked at: the open tasks had no cycle before. A new task stands for an open one of the same id (an edit).
 */
export function findCycle(open: (id: string) => Depends | undefined, added: readonly Depends[]): string | undefined {
  const fresh = new Map(added.map((task) => [task.id, task]));
  const depsOf = (id: string) => (fresh.get(id) ?? open(id))?.depends_on ?? [];
  const clean = new Set<string>();
  for (const { id } of added) {
    const cycle = cycleFrom(id, depsOf, clean);
    if (cycle) return cycle.join(' → ');
  }
  return undefined;
}

/** Depth first without recursion: a chain of 100,000 tasks is no stack overflow. */
function cycleFrom(start: string, depsOf: (id: string) => readonly string[], clean: Set<string>): string[] | undefined {
  if (clean.has(start)) return undefined;
  const path = [{ id: start, next: 0 }];
  const onPath = new Set([start]);
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const dep = depsOf(top.id)[top.next++];
    if (dep === undefined) {
      clean.add(top.id);
      onPath.delete(top.id);
      path.pop();
    } else if (onPath.has(dep)) {
      const ids = path.map((step) => step.id);
      return [...ids.slice(ids.indexOf(dep)), dep];
    } else if (!clean.has(dep)) {
      path.push({ id: dep, next: 0 });
      onPath.add(dep);
    }
  }
  return undefined;
}
