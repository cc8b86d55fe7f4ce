import { Config } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import type { ProjectId } from '../model/ids.ts';
import { differingKeys, needsRestart } from './difference.ts';
import { type ConfigSources, configPath, type LoadedConfig, loadConfig } from './load.ts';
import { describeProblem, type Problem, unreadable } from './problem.ts';
import { type LoadedProject, overlayProject, projectConfigPath, readProject, type Text } from './project.ts';

/*
 * The configuration in force.
 *
 * C1. There is one. Whoever needs a value asks when it is needed; nobody keeps a copy.
 * C2. Only what is right everywhere takes the place of the last good one; a file that is gone counts as wrong.
 */

/** What came of reading a file again. */
export interface Taken {
  /** Keys whose values are others now; a project's own with its name in front. */
  readonly changed: readonly string[];
  readonly problems: readonly Problem[];
}

interface ProjectFile {
  readonly project: Project;
  readonly loaded: LoadedProject;
  /** The last good one. */
  readonly good: LoadedProject['config'];
}

/** Reads the configuration. Throws what is wrong with it: there is no last good one yet. */
export async function openSettings(sources: ConfigSources): Promise<Settings> {
  const loaded = await loadConfig(sources);
  if (loaded.config) return new Settings(sources, loaded, loaded.config);
  throw new Error(`the configuration can't be used:\n${loaded.problems.map(describeProblem).join('\n')}`);
}

export class Settings {
  readonly path: string;
  /** Each section as it is at the moment of asking, for those who take the configuration as a value (C1). */
  readonly live: Config;
  readonly #sources: ConfigSources;
  readonly #atStart: Config;
  readonly #listeners: ((keys: readonly string[]) => void)[] = [];
  readonly #files = new Map<ProjectId, ProjectFile>();
  readonly #overlaid = new Map<ProjectId, Config>();
  #loaded: LoadedConfig;
  #current: Config;
  #problems: readonly Problem[] = [];

  constructor(sources: ConfigSources, loaded: LoadedConfig, config: Config) {
    this.#sources = sources;
    this.#loaded = loaded;
    this.#atStart = config;
    this.#current = config;
    this.path = configPath(sources.env, sources.userHome);
    this.live = sectionsOf(() => this.#current);
  }

  /** What the user's file said when it was last good. */
  get text(): string | undefined {
    return this.#loaded.text;
  }

  current(): Config {
    return this.#current;
  }

  /** As it counts for the tasks of one project: its own file over the user's, under the environment. */
  of(project: ProjectId): Config {
    const own = this.#files.get(project)?.good;
    if (!own) return this.#current;
    const known = this.#overlaid.get(project);
    if (known) return known;
    const fixed = (path: readonly [string, string]): boolean => {
      const { kind } = this.#loaded.origin(path);
      return kind === 'environment' || kind === 'flag';
    };
    const overlaid = overlayProject(this.#current, own, fixed);
    this.#overlaid.set(project, overlaid);
    return overlaid;
  }

  /** What the project's own file says, where it has one. */
  ownOf(project: ProjectId): LoadedProject['config'] {
    return this.#files.get(project)?.good;
  }

  /** Called after a change with the keys that are others now. */
  onChange(listener: (keys: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  problems(): readonly Problem[] {
    return [...this.#problems, ...[...this.#files.values()].flatMap(({ loaded }) => loaded.problems)];
  }

  /** Keys that say something else than at the start, and count from the next one on. */
  awaitingRestart(): readonly string[] {
    return differingKeys(this.#atStart, this.#current).filter(needsRestart);
  }

  /** The user's file, as it reads now (C2). */
  async take(text: Text): Promise<Taken> {
    if (typeof text === 'object') return this.#unreadable(text.error);
    const gone = text === undefined && this.#loaded.text !== undefined;
    const loaded = await loadConfig({ ...this.#sources, read: async () => text });
    const problems = gone ? [isGone(this.path)] : loaded.problems;
    this.#problems = problems;
    if (problems.length > 0 || !loaded.config) return { changed: [], problems };
    const changed = differingKeys(this.#current, loaded.config);
    this.#loaded = loaded;
    this.#current = loaded.config;
    this.#tell(changed);
    return { changed, problems };
  }

  /** A project's own file, as it reads now (C2); without one only the user's counts. */
  takeProject(project: Project, text: Text): Taken {
    const before = this.#files.get(project.id)?.good;
    const loaded = readProject(text, projectConfigPath(project.path));
    const good = loaded.problems.length > 0 ? before : loaded.config;
    this.#files.set(project.id, { project, loaded, good });
    const changed = differingKeys(before ?? {}, good ?? {}).map((key) => `${project.name}: ${key}`);
    this.#tell(changed);
    return { changed, problems: loaded.problems };
  }

  #unreadable(why: string): Taken {
    this.#problems = [unreadable(this.path, why)];
    return { changed: [], problems: this.#problems };
  }

  #tell(changed: readonly string[]): void {
    this.#overlaid.clear();
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
  }
}

function isGone(path: string): Problem {
  const message =
    'is not there any more; what was read from it stays in force until a file is there again, or a restart';
  return { from: path, key: '', message };
}

/** An object with a getter for each section. */
function sectionsOf(current: () => Config): Config {
  const sections = Object.keys(Config.shape) as (keyof Config)[];
  const getters = sections.map((name) => [name, { get: () => current()[name], enumerable: true }] as const);
  return Object.defineProperties({}, Object.fromEntries(getters)) as Config;
}
