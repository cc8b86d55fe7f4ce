import type { Config } from '../model/config.ts';
import type { Project } from '../model/event.ts';

type Wanted = Config['projects'];
interface Index {
  readonly byPath: ReadonlyMap<string, Wanted[number]>;
  readonly byName: ReadonlyMap<string, Wanted[number]>;
}

/** It is asked for with every choice and every arrival; the config changes with a reload. */
const indexes = new WeakMap<Wanted, Index>();

/** What the user's configuration says of a project. */
export function configuredAs(wanted: Wanted, { path, name }: Pick<Project, 'path' | 'name'>) {
  const { byPath, byName } = indexOf(wanted);
  return byPath.get(path) ?? byName.get(name);
}

function indexOf(wanted: Wanted): Index {
  const known = indexes.get(wanted);
  if (known) return known;
  const index: Index = {
    byPath: new Map(wanted.map((project) => [project.path, project])),
    byName: new Map(wanted.map((project) => [project.name, project])),
  };
  indexes.set(wanted, index);
  return index;
}
