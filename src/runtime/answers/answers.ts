import type { Lease } from '../model/task.ts';
import { runDirOf } from '../runs/order.ts';
import type { Answer, Answers, Checked, Checks } from '../work.ts';

export interface AnswersPorts {
  readonly home: string;
  readonly checks: Checks;
}

/** What becomes of the answers of providers. */
export class DelegatedAnswers implements Answers {
  readonly #ports: AnswersPorts;

  constructor(ports: AnswersPorts) {
    this.#ports = ports;
  }

  async judge({ outcome }: Answer): Promise<Checked> {
    return { kind: 'done', outcome };
  }

  stop({ task, attempt }: Lease): Promise<void> {
    const { checks, home } = this.#ports;
    return checks.stop(runDirOf(home, task, attempt));
  }
}
