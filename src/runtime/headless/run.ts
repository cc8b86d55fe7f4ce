import type { HeadlessAgent } from '../agents/headless.ts';
import { codingAgent } from '../model/config.ts';
import { plainLine } from '../model/plain-text.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { SessionView } from '../model/session.ts';
import { budgetPassed } from '../policy/budget.ts';
import type { HeldPipe } from '../ports.ts';
import type { Following, RunningRun } from '../runs/program.ts';
import { BlockedTime } from '../sessions/attempts/blocked-time.ts';
import { shownRequest } from '../sessions/requests/shown-request.ts';
import { Asking, askedText } from './asking.ts';
import type { HeadlessPorts } from './ports.ts';
import { type HeadlessRecord, headlessFiles, namedBy, writeHeadless } from './record.ts';
import { Shown } from './shown.ts';
import { spendingOf } from './spending.ts';
import { Stream } from './stream.ts';
import { CLOSED_BY_RESTART, Talk } from './talk.ts';

/*
 * One run at work: what its stream and its hooks tell, and what is told to it.
 *
 * R1. Watches are hints; a slow scan is the truth. One look after the other, and never more than a few a second.
 * R2. What is kept of a stream does not grow with it. After a restart it is read again from the start.
 * R3. Looking on ends nothing but what nobody has answered in time, or what has cost more than it may. The reason is on
 *     disk before the signal.
 * R4. An agent that waits for somebody uses up none of its time.
 */

const SCAN_MS = 5_000;
const PAUSE_MS = 50;
const AGAIN_MS = 2_000;
const GO_ON = 'Please go on with your task. If it is done already, say so and sum up what was done.';

export interface RunFacts extends RunningRun {
  /** How everybody calls it. */
  readonly name: string;
  readonly record: HeadlessRecord;
  /** Where it was started by this runtime, and listens. */
  readonly input?: HeldPipe;
}

interface Interruption {
  /** Its turn is over. */
  idle_since?: number;
}

export class HeadlessRun implements Following {
  record: HeadlessRecord;
  readonly #ports: HeadlessPorts;
  readonly #facts: RunFacts;
  readonly #agent: HeadlessAgent;
  readonly #stream: Stream;
  readonly #shown = new Shown();
  readonly #asking: Asking;
  readonly #blocked: BlockedTime;
  readonly #talk: Talk;
  readonly #since: number;
  #loaded = false;
  #sign: number | undefined;
  /** Somebody stopped what it did: the next word is theirs. */
  #interrupted: Interruption | undefined;
  #ended = false;
  #closed = false;
  #wanted: 'hint' | 'scan' | undefined;
  #working: Promise<void> | undefined;
  #cancelTimer: () => void = () => {};
  #endPause: () => void = () => {};
  #watches: { close(): void }[] = [];

  constructor(ports: HeadlessPorts, facts: RunFacts) {
    const { record, dir, task, input } = facts;
    this.#ports = ports;
    this.#facts = facts;
    this.record = record;
    this.#agent = ports.headless(record.agent);
    this.#stream = new Stream(ports.files, headlessFiles(dir).stdout, this.#agent);
    this.#asking = new Asking(ports, facts);
    this.#blocked = new BlockedTime(ports.files, dir);
    this.#talk = new Talk(ports.clock, this.#agent, input, CLOSED_BY_RESTART);
    this.#since = task.state === 'running' ? task.started_at : ports.clock.now();
  }

  begin(): this {
    const { watcher } = this.#ports;
    const { dir } = this.#facts;
    this.#watches = [
      watcher.watch(dir, (name) => {
        if (name === null || name === 'stdout') this.#want('hint');
      }),
      watcher.watch(headlessFiles(dir).hooks, (name) => {
        this.#asking.hint(name);
        this.#want('hint');
      }),
    ];
    this.#want('scan');
    return this;
  }

  get dir(): string {
    return this.#facts.dir;
  }

  /** R4. Before its book is read nothing is held against it. */
  blocked(): { ms: number; since?: number } {
    const now = this.#ports.clock.now();
    if (!this.#loaded) return { ms: 0, since: now };
    const since = this.#blocked.now?.since;
    return since === undefined ? { ms: this.#blocked.total(now) } : { ms: this.#blocked.total(since), since };
  }

  answered(report: string): void {
    this.#asking.answered(report);
    this.#want('scan');
  }

  /** When its stream last told something. */
  get sign(): number {
    return this.#sign ?? this.#since;
  }

  get text(): string {
    return this.#shown.text;
  }

  view(): SessionView {
    const { task, dir, name } = this.#facts;
    const { conversation, profile, cwd, model } = this.record;
    const { now } = this.#stream.reader;
    const shown = now.model ?? model;
    const ref = { project: task.project, id: task.id };
    return {
      ...{ name, agent: this.record.agent, kind: 'headless', managed: true, cwd, project: task.project },
      ...this.#state(),
      evidence: { from: 'stream', at: this.sign },
      task: { ref, title: task.title, attempt: task.attempt, since: this.#since, run_dir: dir },
      conversation: now.conversation ?? conversation,
      ...(shown !== undefined && { model: shown }),
      ...(profile !== undefined && { profile }),
      ...(now.usage && { usage: now.usage }),
      requests: this.#asking.open.map(shownRequest),
    };
  }

  async message(text: string): Promise<{ verdict: 'delivered' | 'unconfirmed'; detail?: string } | Refusal> {
    const [request] = this.#asking.open;
    if (request)
      return refuse(
        'not_possible',
        `nothing was sent to ${this.#facts.name}: ${askedText(request, this.#asking.open.length)}, and a message answers nothing`,
        `answer_request {request_id: "${request.id}"} first`,
      );
    const sent = await this.#talk.message(text);
    if (this.#interrupted && !('code' in sent)) await this.#goOn('it was told how to go on');
    return sent;
  }

  async interrupt(): Promise<SessionView | Refusal> {
    const asked = await this.#talk.interrupt(`int-${this.#ports.chance.hex(6)}`);
    if (asked !== 'asked') return asked;
    this.#interrupted = {};
    this.#want('scan');
    return this.view();
  }

  /** Nothing is watched any more; the agent goes on. Settles when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#endPause();
    for (const watch of this.#watches) watch.close();
    await this.#working;
    await this.#talk.close('it has ended');
  }

  /** Its process has ended: nobody waits in it any more. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#asking.end().catch((error: unknown) => {
      this.#say('warn', 'hooks that wait for nothing could not be let go', { error: String(error) });
    });
  }

  #state(): Pick<SessionView, 'state' | 'blocked_on' | 'detail' | 'next'> {
    const { open } = this.#asking;
    const [first] = open;
    if (this.#ended) return { state: 'working', detail: 'it has ended; its work is looked at' };
    if (first) {
      const detail = plainLine(askedText(first, open.length));
      const next = `answer_request ${first.id}${first.kind === 'question' ? ' with answers' : ''}`;
      return { state: 'blocked', blocked_on: first.kind, detail, next };
    }
    if (this.#interrupted?.idle_since !== undefined)
      return {
        ...{ state: 'blocked', blocked_on: 'interrupted', detail: 'it was interrupted and waits for the next word' },
        next: 'message_session with the next word, or cancel_task',
      };
    if (!this.#shown.any && this.#stream.offset === 0) return { state: 'starting' };
    const { last } = this.#shown;
    return {
      state: 'working',
      ...(last?.by === 'tool' && { detail: plainLine(`it uses ${last.text}`).slice(0, 300) }),
    };
  }

  // ── looking ───────────────────────────────────────────────────────────────

  /** R1 */
  #want(what: 'hint' | 'scan'): void {
    if (this.#closed) return;
    if (this.#wanted !== 'scan') this.#wanted = what;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#wanted) this.#want(this.#wanted); // it came at the very end
    });
  }

  async #work(): Promise<void> {
    let again = SCAN_MS;
    try {
      while (this.#wanted && !this.#closed) {
        const which = this.#wanted === 'scan' ? 'all' : 'hinted';
        this.#wanted = undefined;
        again = await this.#look(which);
        await this.#pause();
      }
    } catch (error) {
      this.#say('error', 'a run could not be looked after; it is tried again', { error: String(error) });
      again = AGAIN_MS;
    }
    this.#cancelTimer();
    if (!this.#closed) this.#cancelTimer = this.#ports.clock.after(again, () => this.#want('scan'));
  }

  #pause(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#ports.clock.after(PAUSE_MS, resolve);
      this.#endPause = resolve;
    });
  }

  /** How long until time alone may change something. */
  async #look(which: 'all' | 'hinted'): Promise<number> {
    const first = !this.#loaded;
    if (first) await this.#blocked.load();
    await this.#read();
    await this.#asking.look(which);
    if (this.#closed) return SCAN_MS;
    await this.#bookBlocked();
    await this.#inBudget(which);
    this.#loaded = true;
    if (first) await this.#ports.requests.recovered(this.dir);
    const deadlines = [await this.#requestsInTime(), await this.#hearOrClose()].filter((at) => at !== undefined);
    const now = this.#ports.clock.now();
    return Math.max(PAUSE_MS, Math.min(now + SCAN_MS, ...deadlines) - now);
  }

  /** R2 */
  async #read(): Promise<void> {
    const news = await this.#stream.readOn(
      (progress) => {
        this.#shown.add(progress);
        this.#talk.heard(progress);
      },
      () => !this.#closed,
    );
    if (!news) return;
    await this.#tellWindows();
    const { files } = this.#ports;
    this.#sign = Math.floor((await files.stat(headlessFiles(this.dir).stdout))?.mtimeMs ?? this.#ports.clock.now());
    const named = namedBy(this.record, this.#stream.reader.now.conversation, this.#asking.transcript);
    if (named === this.record) return;
    this.record = named;
    await writeHeadless(files, this.dir, named);
  }

  /** R3. What a stream does not tell is looked for in its conversation, and only with the slow scan. */
  async #inBudget(which: 'all' | 'hinted'): Promise<void> {
    const { budget_usd } = this.#facts.task.spec;
    const { now: state } = this.#stream.reader;
    if (budget_usd === undefined || this.#ended || state.idle) return;
    if (which === 'hinted' && this.#agent.spent) return;
    const { prices } = codingAgent(this.#ports.of(this.#facts.task.project), this.record.agent);
    const { bill } = await spendingOf(this.#ports, { record: this.record, agent: this.#agent, state }, prices);
    const terms = { tells: this.#agent.keeps.includes('budget_usd'), key: `agents.${this.record.agent}.prices` };
    const reason = budgetPassed(budget_usd, bill, terms);
    if (reason !== undefined && !this.#ended) this.#facts.stop({ why: 'budget', reason });
  }

  async #tellWindows(): Promise<void> {
    const { windows } = this.#stream.reader.now;
    const { agent, profile } = this.record;
    if (windows && profile !== undefined) await this.#ports.profiles.used(agent, profile, windows);
  }

  // ── waiting for somebody ──────────────────────────────────────────────────

  async #bookBlocked(): Promise<void> {
    const { clock } = this.#ports;
    const [first] = this.#asking.open;
    const waits = first?.kind ?? (this.#interrupted?.idle_since !== undefined ? 'interrupted' : undefined);
    const before = this.#blocked.now;
    if (waits === before?.on) return;
    if (waits === undefined) await this.#blocked.leave(clock.now());
    else await this.#blocked.enter(waits, first?.asked_at ?? clock.now());
  }

  /** R3 */
  async #requestsInTime(): Promise<number | undefined> {
    const { open } = this.#asking;
    const [first] = open;
    if (!first) return undefined;
    const due = Math.min(...open.map(({ expires_at }) => expires_at));
    if (due > this.#ports.clock.now()) return due;
    const waited = Math.round((first.expires_at - first.asked_at) / 1_000);
    const reason = `nobody answered for ${waited} s: ${plainLine(askedText(first, open.length))}`;
    this.#facts.stop({ why: 'denied', reason });
    await this.#asking.denyAll(`denied: ${reason}`);
    return undefined;
  }

  /** An agent that has nothing more to hear ends by itself. */
  async #hearOrClose(): Promise<number | undefined> {
    const { idle, results, answer } = this.#stream.reader.now;
    if (!this.#talk.isOpen || !idle || results === 0 || this.#asking.open.length > 0) return undefined;
    if (answer !== undefined) await this.#goOn('it has its answer'); // perhaps before it could be stopped
    return this.#interrupted ? this.#afterInterrupt(this.#interrupted) : this.#talk.idle();
  }

  async #afterInterrupt(interrupted: Interruption): Promise<number | undefined> {
    const { clock, of } = this.#ports;
    const { wait, next } = of(this.#facts.task.project).interrupted;
    if (interrupted.idle_since === undefined) {
      interrupted.idle_since = clock.now();
      await this.#tellInterrupted();
    }
    const due = interrupted.idle_since + wait;
    if (due > clock.now()) return due;
    if (next === 'end') {
      await this.#talk.close('it was interrupted, and nobody went on with it');
      return undefined;
    }
    await this.#goOn('nobody went on with it: it is asked to');
    await this.#talk.say(GO_ON);
    return undefined;
  }

  async #tellInterrupted(): Promise<void> {
    const { lease, name } = this.#facts;
    const detail = 'it was interrupted and waits for the next word';
    const event = { ...lease.task, attempt: lease.attempt, session: name, on: 'interrupted', detail } as const;
    await this.#ports.store.record({ type: 'task_blocked', ...event }, { by: 'runner' });
    await this.#bookBlocked();
  }

  async #goOn(how: string): Promise<void> {
    const told = this.#interrupted?.idle_since !== undefined;
    this.#interrupted = undefined;
    if (!told) return;
    const { lease, name } = this.#facts;
    const event = { ...lease.task, attempt: lease.attempt, session: name, how } as const;
    await this.#ports.store.record({ type: 'task_unblocked', ...event }, { by: 'runner' });
    await this.#bookBlocked();
  }

  #say(level: 'warn' | 'error', message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#ports.say(level, message, { task: this.#facts.task.id, ...facts });
  }
}
