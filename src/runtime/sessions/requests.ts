import { createHmac } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { HeardReport, Report } from '../agents/agent.ts';
import { plainLine } from '../model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { SessionRequest } from '../model/session.ts';
import type { Cause } from '../model/task.ts';
import { type FittingAnswer, fittingAnswer, type GivenAnswer, toldAnswer } from '../policy/answers.ts';
import type { Clock, Files, Pipes, TaskStore } from '../ports.ts';
import { BlockedBooks } from './blocked-books.ts';
import type { PaneAgent } from './pane-agent.ts';

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
  readonly files: Pick<Files, 'list' | 'read' | 'replace' | 'remove'>;
  readonly pipes: Pipes;
  readonly clock: Clock;
  /** Of this home, the same after a restart: ids can't be worked out without it. */
  readonly secret: string;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** The hook that waits, and the agent whose it is. */
export interface Waiting {
  readonly by: PaneAgent;
  readonly report: Report;
}

/** `unconfirmed`: the hook has taken the answer, and the agent gave no sign of it in time. */
export type Answered = SessionRequest & { readonly verdict: 'confirmed' | 'unconfirmed'; readonly detail?: string };

export type RequestNews =
  | { readonly kind: 'opened'; readonly request: SessionRequest }
  | { readonly kind: 'settled'; readonly request: SessionRequest; readonly how: string; readonly expired: boolean };

interface Open {
  readonly request: SessionRequest;
  readonly waiting: Waiting;
  readonly cancelTimer: () => void;
  /** An answer is on its way to the hook. */
  answering?: true;
  /** What its attempt told meanwhile: it counts where that answer is not taken. */
  over?: string;
}

const HOOK_COMES_MS = 2_000; // a report is there a moment before its hook stands at the pipe
const CONFIRM_MS = 3_000;
const LOOK_AGAIN_MS = 100;
/** The agent's own state may be written a moment after its report. */
const LIVE_LAG_MS = 500;
const REMEMBERED = 2_000;

export class Requests {
  readonly #ports: RequestPorts;
  readonly #books: BlockedBooks;
  readonly #open = new Map<string, Open>();
  readonly #settled = new Map<string, string>();
  readonly #listeners = new Set<(news: RequestNews) => void>();

  constructor(ports: RequestPorts) {
    this.#ports = ports;
    this.#books = new BlockedBooks(ports);
  }

  /** An agent asks. The same report, told again, is the same request. */
  opened(asked: Omit<SessionRequest, 'id'>, waiting: Waiting): SessionRequest {
    const request = { ...asked, id: this.idOf(waiting.by.run_dir, waiting.report.name) };
    const known = this.#open.get(request.id);
    if (known !== undefined) return known.request;
    if (this.#settled.has(request.id)) return request; // Q1
    const left = Math.max(0, request.expires_at - this.#ports.clock.now());
    const cancelTimer = this.#ports.clock.after(left, () => void this.#expire(request.id));
    this.#open.set(request.id, { request, waiting, cancelTimer });
    this.#books.blocked(request, pipeOf(waiting));
    this.#tell({ kind: 'opened', request });
    return request;
  }

  /** It is over by other means: somebody answered in the terminal, the turn has ended, the agent is dead. */
  closed(run_dir: string, report: string, how: string): void {
    const open = this.#open.get(this.idOf(run_dir, report));
    if (open === undefined) return; // Q1
    if (open.answering) {
      open.over ??= how;
      return;
    }
    this.#settle(open, how, { by: 'runner' });
    void this.#release(open.waiting); // Q3
  }

  /** Nothing that was asked in this run is open any more, also not what an earlier runtime knew of. */
  async ended(run_dir: string, how: string): Promise<void> {
    for (const open of this.#of(run_dir)) this.closed(run_dir, open.waiting.report.name, how);
    await this.recovered(run_dir);
  }

  /** After a restart, when the run's reports have been read: lets go whoever waits for nothing. */
  async recovered(run_dir: string): Promise<void> {
    const open = new Set(this.#of(run_dir).map(({ waiting }) => pipeOf(waiting)));
    for (const { name, kind } of (await this.#ports.files.list(`${run_dir}/answers`)) ?? []) {
      const path = `${run_dir}/answers/${name}`;
      if (kind === 'other' && !open.has(path)) await this.#ports.pipes.answer(path, '');
    }
    await this.#books.recovered(run_dir, open);
  }

  list(): readonly SessionRequest[] {
    return [...this.#open.values()].map(({ request }) => request).sort((a, b) => a.asked_at - b.asked_at);
  }

  /** What is open in this run, oldest first. */
  openIn(run_dir: string): readonly SessionRequest[] {
    return this.#of(run_dir).map(({ request }) => request);
  }

  async answer(id: string, given: GivenAnswer, cause: Cause): Promise<Answered | Refusal> {
    if (cause.by === 'attempt') return ofAnAttempt(id);
    const open = this.#open.get(id);
    if (open === undefined) return this.#notOpen(id);
    if (open.answering) return answeredMeanwhile(id, 'somebody else is answering it at this moment');
    const answer = fittingAnswer(open.request, given);
    if (isRefusal(answer)) return answer;
    return this.#give(open, answer, toldAnswer(answer), cause);
  }

  subscribe(listener: (news: RequestNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hooks go on waiting: the next runtime finds them. */
  async close(): Promise<void> {
    for (const { cancelTimer } of this.#open.values()) cancelTimer();
    this.#listeners.clear();
    await this.#books.written();
  }

  idOf(run_dir: string, report: string): string {
    const place = `${basename(dirname(dirname(run_dir)))}/${basename(dirname(run_dir))}/${basename(run_dir)}`;
    return `req-${createHmac('sha256', this.#ports.secret).update(`${place}\0${report}`).digest('hex').slice(0, 16)}`;
  }

  async #give(open: Open, answer: FittingAnswer, how: string, cause: Cause): Promise<Answered | Refusal> {
    const { request, waiting } = open;
    open.answering = true;
    const since = this.#ports.clock.now();
    const sign = this.#signOf(waiting.by);
    try {
      const first = await this.#whoWasFirst(open);
      const taken =
        first === undefined && (await this.#written(waiting, waiting.by.agent.answer(waiting.report, answer)));
      if (!taken) return this.#notTaken(open, first);
      this.#settle(open, how, cause); // Q1, Q2
      if (await sign.seen(since)) return { ...request, verdict: 'confirmed' };
      const detail = 'its hook has taken the answer, but the agent gave no sign of it yet; it is not given again';
      return { ...request, verdict: 'unconfirmed', detail };
    } finally {
      delete open.answering;
      sign.stop();
    }
  }

  /** The agent itself says that nobody is asked any more. */
  async #whoWasFirst({ request, waiting }: Open): Promise<string | undefined> {
    const live = await waiting.by.live();
    if (live === undefined || live.conversation !== waiting.by.conversation) return undefined;
    const over = (live.status === 'busy' || live.status === 'idle') && live.at > request.asked_at + LIVE_LAG_MS;
    return over ? `the agent is ${live.status} again: somebody answered in the terminal` : undefined;
  }

  #notTaken(open: Open, first: string | undefined): Refusal {
    const how = open.over ?? first ?? 'its hook waits no more';
    this.#settle(open, how, { by: 'runner' });
    void this.#release(open.waiting);
    return answeredMeanwhile(open.request.id, how);
  }

  /** Denied, so that the agent does not wait for ever; its attempt hears of it and decides. */
  async #expire(id: string): Promise<void> {
    const open = this.#open.get(id);
    if (open === undefined || open.answering) return;
    const minutes = Math.round((open.request.expires_at - open.request.asked_at) / 60_000);
    const reason = `nobody answered within ${minutes} min, so this was denied. Don't try it in another way; say what you could not do.`;
    const text = open.waiting.by.agent.answer(open.waiting.report, { decision: 'deny', reason });
    open.answering = true;
    await this.#written(open.waiting, text);
    delete open.answering;
    this.#settle(open, open.over ?? 'timed out', { by: 'runner' }, open.over === undefined);
  }

  #settle(open: Open, how: string, cause: Cause, expired = false): void {
    const { request, waiting, cancelTimer } = open;
    if (!this.#open.delete(request.id)) return; // Q1
    cancelTimer();
    this.#settled.set(request.id, how);
    const [oldest] = this.#settled.keys();
    if (this.#settled.size > REMEMBERED && oldest !== undefined) this.#settled.delete(oldest);
    this.#books.unblocked(request, pipeOf(waiting), how, cause);
    this.#tell({ kind: 'settled', request, how, expired });
  }

  async #release(waiting: Waiting): Promise<void> {
    await this.#written(waiting, '').catch((error: unknown) =>
      this.#ports.say('warn', 'a hook that waits for nothing could not be let go', { pipe: pipeOf(waiting), error }),
    );
  }

  async #written(waiting: Waiting, text: string): Promise<boolean> {
    const { clock, pipes } = this.#ports;
    for (;;) {
      if ((await pipes.answer(pipeOf(waiting), text)) === 'taken') return true;
      if (clock.now() > waiting.report.at + HOOK_COMES_MS) return false;
      await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
    }
  }

  /** Anything that an agent does which waits for an answer no more. */
  #signOf(by: PaneAgent) {
    const { clock } = this.#ports;
    let heard = -1;
    const stop = by.heard((report) => {
      if (isSign(report)) heard = report.at;
    });
    const seen = async (since: number): Promise<boolean> => {
      for (const end = clock.now() + CONFIRM_MS; clock.now() < end; ) {
        if (heard >= since) return true;
        const live = await by.live();
        if (live?.conversation === by.conversation && live.status !== 'waiting' && live.at >= since) return true;
        await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
      }
      await by.look();
      return heard >= since;
    };
    return { stop, seen };
  }

  #of(run_dir: string): Open[] {
    return [...this.#open.values()]
      .filter(({ waiting }) => waiting.by.run_dir === run_dir)
      .sort((a, b) => a.request.asked_at - b.request.asked_at);
  }

  #notOpen(id: string): Refusal {
    const how = this.#settled.get(id);
    if (how !== undefined) return answeredMeanwhile(id, how);
    return refuse(
      'not_found',
      `there is no open request ${plainLine(id).slice(0, 80)}; nothing was answered`,
      'list_sessions shows what waits for an answer',
    );
  }

  #tell(news: RequestNews): void {
    for (const listener of [...this.#listeners]) listener(news);
  }
}

function pipeOf({ by, report }: Waiting): string {
  return `${by.run_dir}/answers/${report.name}`;
}

function isSign({ heard }: HeardReport): boolean {
  return ['tool_begins', 'tool_ended', 'turn_ended', 'turn_failed', 'prompt', 'left'].includes(heard.kind);
}

function ofAnAttempt(id: string): Refusal {
  return refuse(
    'not_allowed',
    `${plainLine(id).slice(0, 80)} was not answered: a worker can't answer requests, its own least of all`,
    'a person answers it: yardmaster approve or deny, or in the session itself',
  );
}

function answeredMeanwhile(id: string, how: string): Refusal {
  return refuse('stale', `${id} is over: ${how}; this answer changed nothing`, 'list_sessions shows what is open now');
}
