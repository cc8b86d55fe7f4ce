import type { HeardReport, SessionAgent } from '../../agents/agent.ts';
import type { Files } from '../../ports.ts';

/*
 * The reports of an agent that came after a certain moment, read from the spool itself: a receipt must not depend on a
 * hint, nor on how soon somebody else reads.
 */

const LARGEST = 20_000_000;
const SUFFIX = '.json';
const JUST_ASKED_MS = 5_000;

interface Whose {
  readonly run_dir: string;
  readonly conversation: string;
  readonly agent: Pick<SessionAgent, 'hear'>;
}

export class NewReports {
  readonly #files: Files;
  readonly #whose: Whose;
  readonly #seen: Set<string>;

  private constructor(files: Files, whose: Whose, seen: Set<string>) {
    this.#files = files;
    this.#whose = whose;
    this.#seen = seen;
  }

  /** What is there now is not new. */
  static async from(files: Files, whose: Whose): Promise<NewReports> {
    return new NewReports(files, whose, new Set(await namesIn(files, whose.run_dir)));
  }

  /** What came after this report, whether or not it is there already. */
  static async after(files: Files, whose: Whose, report: string): Promise<NewReports> {
    const names = await namesIn(files, whose.run_dir);
    return new NewReports(files, whose, new Set(names.filter((name) => name <= `${report}${SUFFIX}`)));
  }

  /** Those that came since the last call, of its own conversation, in their order. */
  async next(): Promise<readonly HeardReport[]> {
    const { run_dir, agent, conversation } = this.#whose;
    const names = (await namesIn(this.#files, run_dir)).filter((name) => !this.#seen.has(name)).sort();
    const heard: HeardReport[] = [];
    for (const name of names) {
      this.#seen.add(name);
      const report = await readReport(this.#files, run_dir, name.slice(0, -SUFFIX.length));
      const one = report && agent.hear(report);
      if (one?.conversation === conversation) heard.push(one);
    }
    return heard;
  }
}

export async function readReport(files: Files, run_dir: string, name: string) {
  const path = `${run_dir}/hooks/${name}${SUFFIX}`;
  const [bytes, stat] = [await files.read(path, LARGEST).catch(() => undefined), await files.stat(path)];
  if (bytes === undefined || stat === undefined) return undefined;
  return { name, at: Math.floor(stat.mtimeMs), text: new TextDecoder().decode(bytes) };
}

/** A hook has just begun to wait for an answer, whether or not its report has been read. */
export async function justAsked(files: Pick<Files, 'list' | 'stat'>, run_dir: string, now: number): Promise<boolean> {
  for (const { name, kind } of (await files.list(`${run_dir}/answers`)) ?? []) {
    if (kind !== 'other') continue; // pipes alone
    const made = await files.stat(`${run_dir}/answers/${name}`);
    if (made !== undefined && Math.abs(now - made.mtimeMs) < JUST_ASKED_MS) return true;
  }
  return false;
}

async function namesIn(files: Pick<Files, 'list'>, run_dir: string): Promise<string[]> {
  const found = (await files.list(`${run_dir}/hooks`)) ?? [];
  return found.filter(({ name, kind }) => kind === 'file' && name.endsWith(SUFFIX)).map(({ name }) => name);
}
