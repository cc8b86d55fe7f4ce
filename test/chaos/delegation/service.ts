import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Command, JobServiceOptions, Report } from '../../fakes/job-service.ts';

const program = fileURLToPath(new URL('../../fakes/job-service-main.mjs', import.meta.url));

/** The fake job service as a process of its own: it outlives every runtime. */
export class Service {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess, answers: AsyncIterator<string>, port: number) {
    this.#child = child;
    this.#answers = answers;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(options: JobServiceOptions = {}): Promise<Service> {
    const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    const { port } = JSON.parse(String((await answers.next()).value)) as { port: number };
    return new Service(child, answers, port);
  }

  /** What it knows when the command, if any, has taken effect. */
  tell(command: Command = {}): Promise<Report> {
    const told = this.#turn.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
      return JSON.parse(String((await this.#answers.next()).value)) as Report;
    });
    this.#turn = told.catch(() => undefined);
    return told;
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await gone;
  }
}
