import type { Config } from '../../model/config.ts';
import type { Project } from '../../model/event.ts';
import type { ProjectId } from '../../model/ids.ts';
import type { WantedSeat } from '../../policy/seats.ts';
import type { Files } from '../../ports.ts';

export interface SeatFoldersParts {
  readonly files: Pick<Files, 'stat'>;
  readonly userHome: string;
  readonly config: Pick<Config, 'pool' | 'projects' | 'dispatcher'>;
  readonly projects: () => readonly Project[];
  readonly real: (path: string) => Promise<string | undefined>;
}

/** Where seats wait, and whose they are. Projects are known by their real paths, which have to be asked for. */
export class SeatFolders {
  readonly #parts: SeatFoldersParts;
  readonly #real = new Map<string, string>();

  constructor(parts: SeatFoldersParts) {
    this.#parts = parts;
  }

  async resolve(seats: Iterable<WantedSeat>): Promise<void> {
    for (const { project } of seats) {
      const path = project === undefined ? undefined : this.#pathOf(project);
      const real = path === undefined ? undefined : await this.#parts.real(path);
      if (path !== undefined && real !== undefined) this.#real.set(path, real);
    }
  }

  projectOf({ project }: WantedSeat): ProjectId | undefined {
    if (project === undefined) return undefined;
    const given = this.#pathOf(project);
    const path = this.#real.get(given) ?? given;
    return this.#parts.projects().find((one) => one.path === path)?.id;
  }

  wanted({ project }: WantedSeat): string {
    const { config, userHome } = this.#parts;
    if (project !== undefined) return this.#pathOf(project);
    return config.pool.shared_projects_dir ?? config.dispatcher.projects_dir ?? userHome;
  }

  /** A placeholder needs a folder that is there; the task brings its own. */
  async existing(seat: WantedSeat): Promise<string> {
    const wanted = this.wanted(seat);
    const kind = (await this.#parts.files.stat(wanted).catch(() => undefined))?.kind;
    return kind === 'dir' || kind === 'link' ? wanted : this.#parts.userHome;
  }

  #pathOf(project: string): string {
    return this.#parts.config.projects.find(({ name }) => name === project)?.path ?? project;
  }
}
