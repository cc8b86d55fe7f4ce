import { type CodingAgentName, type Config, codingAgent } from '../model/config.ts';
import type { Clock } from '../ports.ts';
import type { Environment } from '../runs/environment.ts';

const KNOWN_MS = 5_000;

export interface InstalledParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly env: Environment;
  readonly home: string;
  /** The file that a program's name means. */
  readonly which: (program: string, path: string | undefined, cwd: string) => string | undefined;
  /** One that was missing is there now. */
  readonly changed: () => void;
}

/** Which agents' programs are there. The fleet asks for every decision, so that what was seen counts for a while. */
export class Installed {
  readonly #parts: InstalledParts;
  readonly #seen = new Map<CodingAgentName, { readonly at: number; readonly missing: string | undefined }>();
  #cancel: (() => void) | undefined;

  constructor(parts: InstalledParts) {
    this.#parts = parts;
  }

  /** Why it can't be started. */
  missing(program: CodingAgentName): string | undefined {
    const { clock } = this.#parts;
    const known = this.#seen.get(program);
    if (known && clock.now() - known.at < KNOWN_MS) return known.missing;
    const missing = this.#look(program);
    this.#seen.set(program, { at: clock.now(), missing });
    if (missing !== undefined) this.#lookAgain();
    return missing;
  }

  forget(): void {
    this.#seen.clear();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(program: CodingAgentName): string | undefined {
    const { config, env, home, which } = this.#parts;
    const settings = codingAgent(config, program);
    const [name = program] = settings.program ?? [program];
    if (which(name, settings.env.PATH ?? env.PATH, home) !== undefined) return undefined;
    const where = name.includes('/') ? `there is no program ${name}` : `${name} is not on the PATH of the runtime`;
    return `${where}; install it or set agents.${program}.program (yardmaster doctor)`;
  }

  /** Nobody tells when a program is installed. */
  #lookAgain(): void {
    const { clock, config, changed } = this.#parts;
    this.#cancel ??= clock.after(config.dispatcher.scan, () => {
      this.#cancel = undefined;
      this.forget();
      changed();
    });
  }
}
