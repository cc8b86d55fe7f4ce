import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What somebody outside did to the queue, written down after it was acknowledged. */
export type Deed =
  | { readonly did: 'enqueue'; readonly project: string; readonly id: string; readonly title: string }
  | {
      readonly did: 'drop';
      readonly project: string;
      readonly id: string;
      readonly text: string;
      readonly valid: boolean;
    }
  | { readonly did: 'ask to cancel'; readonly project: string; readonly id: string }
  | { readonly did: 'cancel'; readonly project: string; readonly id: string; readonly state: string }
  | { readonly did: 'see ended'; readonly project: string; readonly id: string; readonly state: string };

/** One line that an agent wrote about itself. */
export interface AgentLine {
  readonly task: string;
  readonly attempt: number;
  readonly what: 'start' | 'end' | 'failed' | 'overlap';
}

/** A job as the fake service knows it. */
export interface UpstreamJob {
  readonly job_id: string;
  readonly key: string | undefined;
  readonly prompt: string;
}

/** What really happened, kept apart from the product: the truth that the checker compares it with. */
export class Ledger {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    for (const part of ['locks', 'gates']) mkdirSync(join(dir, part), { recursive: true });
  }

  note(deed: Deed): void {
    appendFileSync(join(this.dir, 'deeds.jsonl'), `${JSON.stringify(deed)}\n`);
  }

  deeds(): Deed[] {
    return this.#lines('deeds.jsonl').map((line) => JSON.parse(line) as Deed);
  }

  agents(): AgentLine[] {
    return this.#lines('agents.log').map((line) => {
      const [task = '', attempt, what] = line.split(' ');
      return { task, attempt: Number(attempt), what: what as AgentLine['what'] };
    });
  }

  openGate(task: string): void {
    writeFileSync(join(this.dir, 'gates', task), '');
  }

  noteJobs(jobs: readonly UpstreamJob[]): void {
    writeFileSync(join(this.dir, 'jobs.json'), JSON.stringify(jobs));
  }

  jobs(): UpstreamJob[] {
    const path = join(this.dir, 'jobs.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as UpstreamJob[]) : [];
  }

  #lines(name: string): string[] {
    const path = join(this.dir, name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  }
}
