import type { HeardReport } from '../../agents/agent.ts';
import { plainLine } from '../../model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import type { SessionRequest } from '../../model/session.ts';
import type { Cause } from '../../model/task.ts';
import { type FittingAnswer, fittingAnswer, type GivenAnswer, toldAnswer } from '../../policy/answers.ts';
import type { Clock, Files, Pipes, TaskStore } from '../../ports.ts';
import type { AgentRequest, Requests } from '../attempts/attempt-ports.ts';
import { pause } from '../typing/box.ts';
import { removeOldHold } from '../typing/hold.ts';
import { NewReports, readReport } from '../typing/new-reports.ts';
import { type Asker, liveOf } from '../typing/pane-agent.ts';
import { BlockedBooks } from './blocked-books.ts';
import { shownRequest } from './shown-request.ts';

/*
 * What agents ask. Each request is one waiting hook: its answer goes to that hook, for that one use of the tool.
 *
 * Q1. A request is settled once: by an answer that its hook took, or by what its attempt tells of it. Whatever comes
 *     later changes nothing.
 * Q2. An answer that no hook took was none. One that was taken is never given again, confirmed or not.
 * Q3. A settled request leaves no hook behind that waits: it is let go with an empty answer.
 * Q4. Nothing here changes a task.
 */

export interface RequestPorts {
  readonly store: Pick<TaskStore, 'record'>;
  readonly files: Files;
  readonly pipes: Pipes;
  readonly clock: Clock;
  /** The agent that runs in a seat now, or the one without a terminal that is called so. */
  readonly agentIn: (seat: string) => Asker | undefined;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** `unconfirmed`: the hook has taken the answer, and the agent gave no sign of it in time. */
export type Answered = SessionRequest & { readonly verdict: 'confirmed' | 'unconfirmed'; readonly detail?: string };

interface Open {
  readonly request: AgentRequest;
  /** An answer is on its way to the hook. */
  answering: boolean;
  /** What its attempt told meanwhile: it counts where that answer is not taken. */
  over?: string;
}

/** An answer that a hook has taken, and from where its agent is watched for a sign of it. */
interface Given {
  readonly by: Asker;
  readonly reports: NewReports;
  readonly since: number;
}

const HOOK_COMES_MS = 2_000;
const CONFIRM_MS = 3_000;
const IN_SIGHT_MS = 5_000;
const LOOK_AGAIN_MS = 100;
/** The agent's own state may be written a moment after its report. */
const LIVE_LAG_MS = 500;
const REMEMBERED = 2_000;

export class OpenRequests implements Requests {
  readonly #ports: RequestPorts;
  readonly #books: BlockedBooks;
  readonly #open = new Map<string, Open>();
  readonly #settled = new Map<string, string>();
  readonly #listeners = new Set<(answered: AgentRequest) => void>();

  constructor(ports: RequestPorts) {
    this.#ports = ports;
    this.#books = new BlockedBooks(ports);
  }

  opened(request: AgentRequest): void {
    if (this.#open.has(request.id) || this.#settled.has(request.id)) return; // Q1
    this.#open.set(request.id, { request, answering: false });
    this.#books.blocked(shownRequest(request), pipeOf(request));
  }

  closed({ id }: AgentRequest, how: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return; // Q1
    if (open.answering) open.over ??= how;
    else this.#close(open, how);
  }

  async deny(request: AgentRequest, reason: string): Promise<'denied' | 'gone'> {
    const open = this.#open.get(request.id);
    if (open === undefined || open.answering) return 'gone';
    const how = `denied: ${plainLine(reason)}`;
    const given = await this.#give(open, { decision: 'deny', reason }, how, { by: 'runner' });
    return isRefusal(given) ? 'gone' : 'denied';
  }

  /**
   * To be called when a run has been taken up again and its reports are read, and when it is over: lets go whoever waits
   * for nothing, and tells what ended while nobody watched.
   */
  async recovered(run_dir: string): Promise<void> {
    const open = new Set(this.#of(run_dir).map(pipeOf));
    for (const { name, kind } of (await this.#ports.files.list(`${run_dir}/answers`)) ?? []) {
      const path = `${run_dir}/answers/${name}`;
      if (kind === 'other' && !open.has(path)) await this.#ports.pipes.answer(path, ''); // Q3
    }
    await this.#books.recovered(run_dir, open);
    await removeOldHold(this.#ports, run_dir);
  }

  list(): readonly SessionRequest[] {
    return [...this.#open.values()].map(({ request }) => shownRequest(request)).sort((a, b) => a.asked_at - b.asked_at);
  }

  /** What is open in this run, oldest first. */
  openIn(run_dir: string): readonly SessionRequest[] {
    return this.#of(run_dir).map(shownRequest);
  }

  async answer(id: string, given: GivenAnswer, cause: Cause): Promise<Answered | Refusal> {
    if (cause.by === 'attempt') return ofAnAttempt(id);
    const open = this.#open.get(id);
    if (open === undefined) return this.#notOpen(id);
    if (open.answering) return tooLate(id, 'somebody else is answering it at this moment');
    const answer = fittingAnswer(open.request, given);
    if (isRefusal(answer)) return answer;
    const taken = await this.#give(open, answer, toldAnswer(answer), cause);
    if (isRefusal(taken)) return taken;
    const request = shownRequest(open.request);
    if (await this.#seenToGoOn(taken)) return { ...request, verdict: 'confirmed' };
    const detail = 'its hook has taken the answer, but the agent gave no sign of it yet; it is not given again';
    return { ...request, verdict: 'unconfirmed', detail };
  }

  /** Called when a hook has taken an answer of ours. */
  subscribe(listener: (answered: AgentRequest) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hooks go on waiting: the next runtime finds them. */
  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#books.written();
  }

  /** Q1, Q2 */
  async #give(open: Open, answer: FittingAnswer, how: string, cause: Cause): Promise<Given | Refusal> {
    const { request } = open;
    const { files, clock } = this.#ports;
    open.answering = true; // before anything is waited for: who comes second finds it
    try {
      const by = await this.#inSight(request, open);
      if (by === undefined && open.over === undefined) return notInSight(request);
      const reports = by && (await NewReports.after(files, by, request.report));
      const first = by && reports && (await this.#whoWasFirst(request, by, await reports.next()));
      const since = clock.now();
      if (by && reports && first === undefined) {
        const text = await this.#textOf(request, by, answer);
        if (text === '') return cantBeTold(request);
        if (text !== undefined && (await this.#written(request, text))) {
          this.#settle(open, how, cause);
          for (const listener of [...this.#listeners]) listener(request);
          return { by, reports, since };
        }
      }
      const over = open.over ?? first ?? 'nobody waits for an answer any more';
      this.#close(open, over);
      return tooLate(request.id, over);
    } finally {
      open.answering = false;
      if (open.over !== undefined) this.#close(open, open.over);
    }
  }

  /** Undefined where its report is gone. */
  async #textOf(request: AgentRequest, by: Asker, answer: FittingAnswer): Promise<string | undefined> {
    const report = await readReport(this.#ports.files, request.run_dir, request.report);
    return report && by.agent.answer(report, answer);
  }

  /** The agent itself says that nobody is asked any more. */
  async #whoWasFirst(request: AgentRequest, by: Asker, since: readonly HeardReport[]): Promise<string | undefined> {
    if (
      since.some(({ heard }) => (heard.kind === 'turn_ended' && heard.background === 0) || heard.kind === 'turn_failed')
    )
      return 'its turn has ended'; // what works on in the background may be the one that asks
    if (since.some(({ heard }) => heard.kind === 'tool_ended' && isUseOf(request, heard))) return FIRST;
    const live = await liveOf(this.#ports.files, by);
    if (live === undefined || live.at <= request.asked_at + LIVE_LAG_MS) return undefined;
    return live.status === 'busy' || live.status === 'idle' ? FIRST : undefined;
  }

  #close(open: Open, how: string): void {
    if (!this.#open.has(open.request.id)) return;
    this.#settle(open, how, { by: 'runner' });
    this.#written(open.request, '', this.#ports.clock.now()).catch((error: unknown) =>
      this.#ports.say('warn', 'a hook that waits for nothing could not be let go', { error, of: open.request.id }),
    ); // Q3
  }

  #settle({ request }: Open, how: string, cause: Cause): void {
    this.#open.delete(request.id);
    this.#settled.set(request.id, how);
    const [oldest] = this.#settled.keys();
    if (this.#settled.size > REMEMBERED && oldest !== undefined) this.#settled.delete(oldest);
    this.#books.unblocked(shownRequest(request), pipeOf(request), how, cause);
  }

  /** A hook comes to its pipe a moment after its report. */
  async #written(request: AgentRequest, text: string, comes_after = request.asked_at): Promise<boolean> {
    const { clock, pipes } = this.#ports;
    for (;;) {
      if ((await pipes.answer(pipeOf(request), text)) === 'taken') return true;
      if (clock.now() > comes_after + HOOK_COMES_MS) return false;
      await pause(clock, LOOK_AGAIN_MS);
    }
  }

  /** It does what an agent does that waits for an answer no more. */
  async #seenToGoOn({ by, reports, since }: Given): Promise<boolean> {
    const { clock, files } = this.#ports;
    for (const end = clock.now() + CONFIRM_MS; ; ) {
      if ((await reports.next()).some(({ heard }) => GOES_ON.has(heard.kind))) return true;
      const live = await liveOf(files, by);
      if (live !== undefined && live.status !== 'waiting' && live.at >= since) return true;
      if (clock.now() >= end) return false;
      await pause(clock, LOOK_AGAIN_MS);
    }
  }

  /** After a restart it is a moment until panes have been looked at. */
  async #inSight(request: AgentRequest, open: Open): Promise<Asker | undefined> {
    const { clock } = this.#ports;
    for (const end = clock.now() + IN_SIGHT_MS; ; await pause(clock, LOOK_AGAIN_MS)) {
      const by = this.#agentOf(request);
      if (by !== undefined || open.over !== undefined || clock.now() >= end) return by;
    }
  }

  #agentOf({ seat, run_dir }: AgentRequest): Asker | undefined {
    const by = this.#ports.agentIn(seat);
    return by?.run_dir === run_dir ? by : undefined; // another attempt's agent may be there by now
  }

  #of(run_dir: string): AgentRequest[] {
    return [...this.#open.values()]
      .map(({ request }) => request)
      .filter((request) => request.run_dir === run_dir)
      .sort((a, b) => a.asked_at - b.asked_at);
  }

  #notOpen(id: string): Refusal {
    const how = this.#settled.get(id);
    if (how !== undefined) return tooLate(id, how);
    return refuse(
      'not_found',
      `there is no open request ${plainLine(id).slice(0, 80)}; nothing was answered`,
      'list_sessions shows what waits for an answer',
    );
  }
}

const FIRST = 'somebody answered it in the terminal';
const GOES_ON: ReadonlySet<string> = new Set([
  'tool_begins',
  'tool_ended',
  'turn_ended',
  'turn_failed',
  'prompt',
  'left',
]);

/** Several uses of one tool may be under way: only the same input tells that it was this one. */
function isUseOf(
  { kind, tool, input }: AgentRequest,
  ended: { readonly tool: string; readonly input?: unknown },
): boolean {
  return tool === ended.tool && (kind === 'question' || JSON.stringify(input) === JSON.stringify(ended.input));
}

function cantBeTold({ id, seat }: AgentRequest): Refusal {
  return refuse(
    'not_possible',
    `${id} can't be answered in this way: its agent would not understand it; nothing was answered`,
    `answer it in the session: yardmaster attach ${seat}`,
  );
}

function pipeOf({ run_dir, report }: AgentRequest): string {
  return `${run_dir}/answers/${report}`;
}

function ofAnAttempt(id: string): Refusal {
  return refuse(
    'not_allowed',
    `${plainLine(id).slice(0, 80)} was not answered: a worker can't answer requests, its own least of all`,
    'a person answers it: yardmaster approve or deny, or in the session itself',
  );
}

function notInSight({ id, seat }: AgentRequest): Refusal {
  return refuse(
    'unavailable',
    `${id} was not answered: the pane of ${seat} can't be seen at the moment; it stays open`,
    'answer it again in a moment, or in the session itself',
  );
}

function tooLate(id: string, how: string): Refusal {
  return refuse('stale', `${id} is over: ${how}; this answer changed nothing`, 'list_sessions shows what is open now');
}
