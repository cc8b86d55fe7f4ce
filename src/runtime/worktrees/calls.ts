import type { Clock, Git } from '../ports.ts';

/** What came of a command of git. */
export type Ran =
  | { readonly kind: 'ok'; readonly out: string }
  /** Git says no. */
  | { readonly kind: 'no'; readonly why: string }
  /** It could not be asked, or could not work now: it is missing, took too long, somebody holds its locks, a disk is full. */
  | { readonly kind: 'not_now'; readonly why: string };

const TRIES = 7;
const FIRST_PAUSE_MS = 40; // doubled: some five seconds in all
const LOCKED = /\.lock'?: File exists|Unable to create '[^']*\.lock'|another git process/i;
const FULL = /no space left on device|disk quota exceeded/i;
const LONG_MS = 1_800_000; // a checkout of a large repository
const TOO_MUCH = /was larger than \d+/;
const MAX_WHY = 500;

/** Commands of git in one folder. Locks that somebody else holds for a moment are waited for. */
export class GitCalls {
  readonly #ports: { readonly git: Git; readonly clock: Clock };
  readonly folder: string;

  constructor(ports: { readonly git: Git; readonly clock: Clock }, folder: string) {
    this.#ports = ports;
    this.folder = folder;
  }

  in(folder: string): GitCalls {
    return new GitCalls(this.#ports, folder);
  }

  async run(...args: readonly string[]): Promise<Ran> {
    for (let tried = 1, pause = FIRST_PAUSE_MS; ; tried++, pause *= 2) {
      const { code, stdout, stderr } = await this.#ports.git.run(this.folder, args, { timeoutMs: LONG_MS });
      if (code === 0) return { kind: 'ok', out: stdout };
      const locked = code !== undefined && LOCKED.test(stderr);
      if (locked && tried < TRIES) {
        await new Promise<void>((resolve) => void this.#ports.clock.after(pause, resolve));
        continue;
      }
      const why = lastWords(stderr) || `git ${args[0]} ended with ${code}`;
      const passes = (code === undefined && !TOO_MUCH.test(stderr)) || locked || FULL.test(stderr);
      return { kind: passes ? 'not_now' : 'no', why };
    }
  }

  /** What it prints, without the last line's end; undefined where it says no. */
  async ask(...args: readonly string[]): Promise<string | undefined> {
    const ran = await this.run(...args);
    if (ran.kind === 'not_now') throw new GitNotNow(ran.why);
    return ran.kind === 'ok' ? ran.out.replace(/\n$/, '') : undefined;
  }

  async commit(ref: string): Promise<string | undefined> {
    return (await this.ask('rev-parse', '--verify', '--quiet', `${ref}^{commit}`)) || undefined;
  }

  branch(name: string): Promise<string | undefined> {
    return this.commit(`refs/heads/${name}`);
  }

  /** The worktrees of this repository, whoever made them. */
  async worktrees(): Promise<readonly ListedTree[]> {
    const out = (await this.ask('worktree', 'list', '--porcelain')) ?? '';
    return out
      .split('\n\n')
      .map((entry) => new Map(entry.split('\n').map((line) => [line.split(' ', 1)[0] ?? '', rest(line)])))
      .flatMap((lines) => {
        const path = lines.get('worktree');
        if (path === undefined) return [];
        const branch = lines.get('branch')?.replace(/^refs\/heads\//, '');
        return [{ path, ...(branch !== undefined && { branch }) }];
      });
  }
}

export interface ListedTree {
  readonly path: string;
  readonly branch?: string;
}

/** Git could not be asked at all: nothing was found out. */
export class GitNotNow extends Error {}

function rest(line: string): string {
  return line.slice(line.indexOf(' ') + 1);
}

/** What git complains about, without what it advises and reports beside it. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const said = lines
    .filter((line) => /^(fatal|error): /.test(line))
    .map((line) => line.replace(/^(fatal|error): /, ''));
  return (said.length > 0 ? said : lines.filter(Boolean)).join('; ').slice(0, MAX_WHY);
}
