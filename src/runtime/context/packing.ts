import { relative } from 'node:path';
import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { TaskSpec } from '../model/spec.ts';
import { type SecretFound, secretName, secretsIn } from '../policy/secrets/find.ts';
import type { Clock, Files, Git, TaskStore } from '../ports.ts';
import type { Packed } from '../yard.ts';
import { chooseFiles, type LeftOut } from './choose.ts';
import type { Found } from './locate.ts';
import { overBounds, type PackedFile, readFiles } from './read-files.ts';
import { type DependencyResult, resultsOf } from './results.ts';

/*
 * What a provider is shown beside the task itself. All of it, or nothing and why:
 *
 * K1. Only files of the project, by their real paths (locate.ts), that git does not ignore (known-files.ts).
 * K2. Whatever looks like a secret, by its name or in its text, refuses all; where it stands is said, never what it is.
 * K3. Bounded in files and bytes, results of other tasks included.
 */

export interface PackingPorts {
  readonly files: Pick<Files, 'read' | 'readAt' | 'stat' | 'list' | 'readLink'>;
  readonly git: Pick<Git, 'run'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly store: Pick<TaskStore, 'projects' | 'get' | 'text'>;
  readonly config: (project: ProjectId) => Config;
  /** The path with every link resolved; undefined where nothing is. */
  readonly real: (path: string) => Promise<string | undefined>;
}

export interface Pack {
  readonly files: readonly PackedFile[];
  readonly left_out: readonly LeftOut[];
  readonly results: readonly DependencyResult[];
}

type Bounds = Config['delegation']['include'];

const SHOWN = 10;
/** No later try would be let in. */
const CLOSED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR']);
const LEAVE_OUT = 'leave it out (`!path`), or let the user that runs Yardmaster read it';

export class Packing {
  readonly #ports: PackingPorts;

  constructor(ports: PackingPorts) {
    this.#ports = ports;
  }

  /** As the project's folder is now. A task that works in a worktree is packed from there, where only commits are. */
  async preview(project: ProjectId, spec: TaskSpec): Promise<Packed | Refusal> {
    const folder = this.#ports.store.projects().find(({ id }) => id === project)?.path;
    if (folder === undefined)
      return refuse('not_found', `project ${project} is not there any more`, 'name another one');
    const pack = await this.pack(project, spec, folder);
    return isRefusal(pack) ? pack : { files: pack.files.length, bytes: bytesOf(pack) };
  }

  async pack(project: ProjectId, spec: TaskSpec, folder: string): Promise<Pack | Refusal> {
    try {
      return await this.#pack(project, spec, folder);
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      if (code === undefined || !CLOSED.has(code)) throw error;
      const what = path === undefined ? 'something' : JSON.stringify(relative(folder, path));
      return refuse('invalid', `include: ${what} can't be read (${code}); nothing was sent`, LEAVE_OUT);
    }
  }

  async #pack(project: ProjectId, spec: TaskSpec, folder: string): Promise<Pack | Refusal> {
    const bounds = this.#ports.config(project).delegation.include;
    const shown = await this.#files(spec.include, folder, bounds);
    if (isRefusal(shown)) return shown;
    const results = await resultsOf(this.#ports.store, project, spec.depends_on);
    const found = results.flatMap(({ path, text }) => secretsIn(path, text));
    if (found.length > 0) return secretResult(found); // K2
    const pack = { ...shown, results };
    if (bytesOf(pack) <= bounds.max_bytes) return pack;
    return overBounds([...shown.files, ...results], bounds); // K3
  }

  async #files(
    include: TaskSpec['include'],
    folder: string,
    bounds: Bounds,
  ): Promise<Pick<Pack, 'files' | 'left_out'> | Refusal> {
    if (include === undefined) return { files: [], left_out: [] };
    const root = await this.#ports.real(folder);
    if (root === undefined) return refuse('not_found', `${folder} is not there`, 'nothing was sent');
    const chosen = await chooseFiles(this.#ports, root, include); // K1
    if (isRefusal(chosen)) return chosen;
    const names = chosen.files.flatMap(namesSecret);
    if (names.length > 0) return secretFile(names); // K2
    const read = await readFiles(this.#ports, root, chosen, bounds);
    if (isRefusal(read)) return read;
    const texts = read.files.flatMap(({ path, text }) => secretsIn(path, text));
    return texts.length > 0 ? secretFile(texts) : read; // K2
  }
}

/** A link is looked at under both of its names. */
function namesSecret({ path, real }: Found): SecretFound[] {
  const found = secretName(path) ?? secretName(real);
  return found ? [{ ...found, path }] : [];
}

function secretFile(found: readonly SecretFound[]): Refusal {
  const paths = [...new Set(found.map(({ path }) => JSON.stringify(`!${path}`)))];
  return refuse(
    'not_allowed',
    `include: ${shownOf(found)} may be a secret, and none leaves this machine; nothing was sent`,
    `leave ${paths.length === 1 ? 'it' : 'them'} out: add ${listed(paths)} to include`,
  );
}

function secretResult(found: readonly SecretFound[]): Refusal {
  return refuse(
    'not_allowed',
    `depends_on: ${shownOf(found)} may be a secret, and none leaves this machine; nothing was sent`,
    'take it out of that file, or let an agent on this machine do the task (allow_delegation: false)',
  );
}

export function secretSaid(found: readonly SecretFound[]): Refusal {
  return refuse(
    'not_allowed',
    `${shownOf(found)} may be a secret, and none leaves this machine; nothing was sent`,
    'take it out of the task, or let an agent on this machine do it (allow_delegation: false)',
  );
}

/** `config/prod.yaml:12 (aws-access-key)`: never the text itself. */
function shownOf(found: readonly SecretFound[]): string {
  return listed(found.map(({ path, line, rule }) => `${path}${line === undefined ? '' : `:${line}`} (${rule})`));
}

function listed(all: readonly string[]): string {
  const more = all.length - SHOWN;
  return `${all.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function bytesOf({ files, results }: Pick<Pack, 'files' | 'results'>): number {
  return [...files, ...results].reduce((sum, { bytes }) => sum + bytes, 0);
}
