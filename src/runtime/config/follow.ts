import { basename, dirname } from 'node:path';
import type { Project } from '../model/event.ts';
import type { ProjectId } from '../model/ids.ts';
import type { Clock, Watcher } from '../ports.ts';
import type { Reloaded } from '../yard.ts';
import { describeProblem } from './problem.ts';
import { projectConfigPath, type Text } from './project.ts';
import type { Settings, Taken } from './settings.ts';

/*
 * Files of the configuration that change while the runtime runs.
 *
 * W1. A watch is a hint; every few seconds the files themselves are read, and their text is the truth.
 * W2. What is only noticed is taken when it reads the same twice in a row: an editor may be at work. What is asked for
 *     (`config reload`, SIGHUP) is taken at once.
 */

const LOOK_EVERY_MS = 5_000;
const QUIET_MS = 250;

export interface FollowPorts {
  readonly clock: Clock;
  readonly watcher: Watcher;
  readonly settings: Settings;
  /** The user's file; links are followed. */
  readonly readUser: (path: string) => Promise<string | undefined>;
  /** A file in a project's folder; links are not followed. */
  readonly readProject: (path: string) => Promise<string | undefined>;
  readonly projects: () => readonly Project[];
  /** Something for the journal: which keys, never their values. */
  readonly record: (code: string, message: string, project?: ProjectId) => Promise<void>;
  readonly say: (level: 'info' | 'warn', message: string, facts: object) => void;
}

export class ConfigFollower {
  readonly #ports: FollowPorts;
  /** What each file said when it was looked at last, good or not. */
  readonly #seen = new Map<ProjectId | 'user', Text>();
  #noticed = new Map<string, Text>();
  #watch: { close(): void } | undefined;
  #cancel: (() => void) | undefined;
  #looking: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(ports: FollowPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { watcher, settings } = this.#ports;
    this.#seen.set('user', settings.text);
    const file = basename(settings.path);
    this.#watch = watcher.watch(dirname(settings.path), (name) => {
      if (name === null || name === file) this.#lookIn(QUIET_MS);
    });
    this.#lookIn(LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#watch?.close();
    await this.#looking;
  }

  /** Before the first task of a project may run. */
  async open(project: Project): Promise<void> {
    await this.#takeProject(project, await this.#readProject(project));
  }

  /** Somebody asks for it. */
  reload(): Promise<Reloaded> {
    return this.#inTurn(async () => {
      const taken = await this.#look(() => true);
      const { settings } = this.#ports;
      return {
        changed: taken.flatMap(({ changed }) => changed),
        restart: settings.awaitingRestart(),
        problems: settings.problems().map(describeProblem),
      };
    });
  }

  #lookIn(ms: number): void {
    if (this.#stopped) return;
    this.#cancel?.();
    this.#cancel = this.#ports.clock.after(ms, () => {
      const look = this.#inTurn(() => this.#notice());
      look.catch((error) =>
        this.#ports.say('warn', 'the configuration could not be looked at', { error: String(error) }),
      );
    });
  }

  /** W2 */
  async #notice(): Promise<void> {
    const before = this.#noticed;
    this.#noticed = new Map();
    try {
      await this.#look((path, text) => {
        if (before.has(path) && same(before.get(path), text)) return true;
        this.#noticed.set(path, text);
        return false;
      });
    } finally {
      this.#lookIn(this.#noticed.size > 0 ? QUIET_MS : LOOK_EVERY_MS);
    }
  }

  /** W1. Each file that reads otherwise than before is taken, if it is time to. */
  async #look(isTime: (path: string, text: Text) => boolean): Promise<Taken[]> {
    const { settings, projects } = this.#ports;
    const taken: Taken[] = [];
    const text = await readOr(() => this.#ports.readUser(settings.path));
    if (!same(text, this.#seen.get('user')) && isTime(settings.path, text)) taken.push(await this.#takeUser(text));
    for (const project of projects()) {
      if (!this.#seen.has(project.id)) continue; // not taken up yet
      const own = await this.#readProject(project);
      const differs = !same(own, this.#seen.get(project.id));
      if (differs && isTime(projectConfigPath(project.path), own)) taken.push(await this.#takeProject(project, own));
    }
    return taken;
  }

  async #takeUser(text: Text): Promise<Taken> {
    const { settings } = this.#ports;
    this.#seen.set('user', text);
    const taken = await settings.take(text);
    await this.#tell(settings.path, taken);
    return taken;
  }

  async #takeProject(project: Project, text: Text): Promise<Taken> {
    const first = !this.#seen.has(project.id);
    this.#seen.set(project.id, text);
    if (this.#isUsersOwn(project)) return NOTHING;
    const taken = this.#ports.settings.takeProject(project, text);
    // What a start finds is no change.
    if (!first || taken.problems.length > 0) await this.#tell(projectConfigPath(project.path), taken, project.id);
    return taken;
  }

  /** A folder whose yardmaster.yaml is the user's own is no project that narrows it. */
  #isUsersOwn(project: Project): boolean {
    return projectConfigPath(project.path) === this.#ports.settings.path;
  }

  #readProject(project: Project): Promise<Text> {
    return readOr(() => this.#ports.readProject(projectConfigPath(project.path)));
  }

  async #tell(path: string, { changed, problems }: Taken, project?: ProjectId): Promise<void> {
    const { record, say, settings } = this.#ports;
    if (problems.length > 0) {
      const wrong = problems.map(describeProblem).join('; ');
      say('warn', 'the configuration is wrong; the last good one stays in force', { file: path, wrong });
      await record('config_wrong', `${path} is wrong; the last good one stays in force`, project);
      return;
    }
    const restart = settings.awaitingRestart();
    say('info', 'the configuration was read again', { file: path, changed, ...(restart.length > 0 && { restart }) });
    if (changed.length > 0) await record('config_changed', listed(changed), project);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#looking.then(run, run);
    this.#looking = turn.catch(() => undefined);
    return turn;
  }
}

const NOTHING: Taken = { changed: [], problems: [] };
const KEYS_NAMED = 40;

function listed(keys: readonly string[]): string {
  const more = keys.length - KEYS_NAMED;
  return `changed: ${keys.slice(0, KEYS_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

async function readOr(read: () => Promise<string | undefined>): Promise<Text> {
  try {
    return await read();
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function same(one: Text, other: Text): boolean {
  if (typeof one === 'object' && typeof other === 'object') return one.error === other.error;
  return one === other;
}
