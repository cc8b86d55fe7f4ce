import { createHash } from 'node:crypto';
import type { OpenRequest } from '../../policy/session-requests.ts';
import type { Told } from '../../policy/session-state.ts';
import type { AgentRequest, Requests } from './attempt-ports.ts';
import type { Concluding } from './conclude.ts';

/** Whose requests they are. `session`: by this name everybody speaks of it. */
interface Asking extends Pick<Concluding, 'lease' | 'dir'> {
  readonly record: Pick<Concluding['record'], 'session' | 'agent'>;
}

type Saying = Pick<Told, 'requests' | 'turn'>;

/** The requests of one attempt that are open: who keeps them is told once of each that opens, and once that it is over. */
export class AskedRequests {
  readonly #requests: Requests;
  readonly #facts: Asking;
  readonly #timeout: () => number;
  readonly #open = new Map<string, AgentRequest>();

  constructor(requests: Requests, facts: Asking, timeout: () => number) {
    this.#requests = requests;
    this.#facts = facts;
    this.#timeout = timeout;
  }

  open(): readonly AgentRequest[] {
    return [...this.#open.values()];
  }

  now(open: readonly OpenRequest[], told: Saying, answered: readonly string[]): void {
    for (const [report, request] of this.#open) {
      if (open.some((one) => one.report === report)) continue;
      this.#open.delete(report);
      this.#requests.closed(request, howOver(report, told, answered));
    }
    for (const one of open) {
      if (this.#open.has(one.report)) continue;
      const request = this.#requestOf(one);
      this.#open.set(one.report, request);
      this.#requests.opened(request);
    }
  }

  async denyAll(reason: string): Promise<void> {
    for (const request of this.open()) await this.#requests.deny(request, reason);
  }

  #requestOf({ report, kind, tool, input, questions, asked_at }: OpenRequest): AgentRequest {
    const { record, lease, dir } = this.#facts;
    const hash = createHash('sha256').update(`${dir}\n${report}`).digest('hex');
    return {
      ...{ id: `req-${hash.slice(0, 10)}`, kind, seat: record.session, program: record.agent },
      ...{ task: lease.task, attempt: lease.attempt, run_dir: dir, report, tool, input, asked_at },
      ...(questions && { questions }),
      expires_at: asked_at + this.#timeout(),
    };
  }
}

function howOver(report: string, told: Saying, answered: readonly string[]): string {
  if (answered.includes(report)) return 'answered at the terminal';
  const isStillTold = told.requests.some((request) => request.report === report);
  if (isStillTold) return 'its hook waits for no answer any more';
  return told.turn === 'open' ? 'its tool has ended' : 'its turn is over';
}
