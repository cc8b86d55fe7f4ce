import type { Conversation, SessionAgent } from '../../agents/agent.ts';
import { payers } from '../../model/books.ts';
import { codingAgent } from '../../model/config.ts';
import { keyOf } from '../../model/ids.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { BlockedOn } from '../../model/session.ts';
import { isLive } from '../../model/task.ts';
import { boundedTtl } from '../../policy/allowance.ts';
import { billOf, budgetPassed, withSubagents } from '../../policy/budget.ts';
import { type Clocks, type Due, nextDue } from '../../policy/session-deadlines.ts';
import { phaseOf, type Reading } from '../../policy/session-state.ts';
import type { AttemptEnd } from '../../ports.ts';
import type { Checked, DoneOutcome } from '../../work.ts';
import { AskedRequests } from './asked.ts';
import type { AttemptView, SessionAttemptPorts } from './attempt-ports.ts';
import { viewOf } from './attempt-view.ts';
import { BlockedTime } from './blocked-time.ts';
import { type Concluding, doneOutcome, endFailed, isWritten, notDone } from './conclude.ts';
import { type Ending, readEnding, writeEnding } from './ending.ts';
import { sessionFiles, writeRecord } from './run-record.ts';
import { Sight } from './sight.ts';
import { Spool } from './spool.ts';

/*
 * One attempt in a session, from its start to its report.
 *
 * W1. Everything that happens to it makes it look, one look after the other. What a look finds is worked out from the
 *     start (policy/session-state.ts): a hint that is lost, late or double changes nothing but the moment.
 * W2. Time alone ends it only by a deadline (policy/session-deadlines.ts), and a deadline never means that it is dead:
 *     it is stopped, and its death is proved, before anybody hears of its end.
 * W3. Its end is reported once, with its lease. What can't be recorded is tried again.
 * W4. Whatever is told to the agent by us is on disk as told before it is sent.
 */

const AGAIN_MS = 5_000;
/** The last answer is written into the conversation a moment after the end of its turn is told. */
const WRITTEN_MS = 4_000;
const LOOK_SOON_MS = 60;
const BILL_MS = 2_000;
const GO_ON = 'Please go on with your task. If it is done already, say so and sum up what was done.';
const MAX_ASKED = 3;

export type AfterEnd = (what: 'lingers' | 'gone', last: { readonly report: string; readonly pid?: number }) => void;

export class SessionAttempt {
  facts: Concluding;
  readonly #ports: SessionAttemptPorts;
  readonly #agent: SessionAgent;
  readonly #spool: Spool;
  readonly #sight: Sight;
  readonly #blocked: BlockedTime;
  readonly #asked: AskedRequests;
  readonly #begun_at: number;
  readonly #afterEnd: AfterEnd;
  #reading: Reading;
  #conversation: Conversation | undefined;
  #read_at = 0;
  #billed_at = 0;
  #transcript: string;
  #checked_at: number | undefined;
  #stalled_since: number | undefined;
  #ending: Ending | undefined;
  #wanted: 'hint' | 'look' | undefined;
  #working: Promise<void> | undefined;
  #closed = false;
  #checking = false;
  #tellChecking: () => void = () => {};
  readonly #checkBegins = new Promise<void>((resolve) => {
    this.#tellChecking = resolve;
  });
  #reported = false;
  #cancelTimer: () => void = () => {};
  #watch: { close(): void } | undefined;

  constructor(ports: SessionAttemptPorts, facts: Concluding & { readonly pid?: number }, afterEnd: AfterEnd) {
    const { dir, record, task } = facts;
    this.#ports = ports;
    this.facts = facts;
    this.#agent = ports.agent(record.agent);
    const parts = { ...ports, agent: this.#agent };
    this.#spool = new Spool(parts, dir, record);
    this.#sight = new Sight(parts, dir, record, facts.pid);
    this.#blocked = new BlockedTime(ports.files, dir);
    this.#asked = new AskedRequests(ports.requests, facts, () => ports.config(task.project).blocked_timeout);
    this.#begun_at = task.state === 'running' ? task.started_at : ports.clock.now();
    this.#transcript = record.transcript;
    this.#afterEnd = afterEnd;
    this.#reading = phaseOf(this.#spool.told, this.#sight.now);
  }

  /** Settles when everything that was told so far is known. */
  async begin(): Promise<void> {
    const { files, watcher } = this.#ports;
    const { dir } = this.facts;
    await this.#blocked.load();
    const ending = await readEnding(files, dir);
    if (ending) this.#ending = ending; // what was said meanwhile stands otherwise
    if (this.#closed) return;
    this.#watch = watcher.watch(sessionFiles(dir).hooks, (name) => {
      this.#spool.hint(name);
      this.hint();
    });
    this.#wanted = 'look';
    await Promise.race([this.#work(), this.#checkBegins]); // a check may take long
    if (!this.#closed) await this.#letGo();
  }

  /** While its end is on its way into the journal: settles when what is left of it is put away. */
  get ending(): Promise<void> | undefined {
    return this.#reported ? this.#working : undefined;
  }

  get seat(): string {
    return this.facts.record.session;
  }

  get pid(): number | undefined {
    return this.#sight.pid;
  }

  /** There may be news of it. */
  hint(): void {
    this.#wanted ??= 'hint';
    void this.#work();
  }

  /** Its process is looked at as well. */
  look(): void {
    this.#wanted = 'look';
    void this.#work();
  }

  cancel(reason: string): void {
    this.#ending ??= { kind: 'cancelled', reason };
    void this.#ports.checks.stop(this.facts.dir);
    this.hint();
  }

  /** Its terminal is gone, and it lives on: nobody can see it or speak to it any more. */
  endOrphan(): void {
    this.#ending ??= { kind: 'failed', failure: { class: 'crash', reason: 'its terminal was closed' } };
    this.hint();
  }

  /** Its hook has taken an answer. */
  answered(report: string): void {
    this.#sight.answer([report]);
    this.hint();
  }

  view(): AttemptView {
    return viewOf({
      ...{ facts: this.facts, reading: this.#reading, told: this.#spool.told, transcript: this.#transcript },
      ...{ since: this.#begun_at, requests: this.#asked.open(), process: this.#sight.now.process },
      checking: this.#checking,
      ...(this.#sight.pid !== undefined && { pid: this.#sight.pid }),
      ...(this.#conversation && { conversation: this.#conversation }),
      ...(this.#stalled_since !== undefined && { stalled_since: this.#stalled_since }),
    });
  }

  /** Nothing is watched any more; the agent goes on. Settles when nothing is under way. */
  async close(): Promise<void> {
    this.#shut();
    await this.#working;
  }

  #shut(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#watch?.close();
  }

  /** W1 */
  #work(): Promise<void> {
    this.#working ??= Promise.resolve()
      .then(() => this.#rounds())
      .finally(() => {
        this.#working = undefined;
        if (this.#wanted && !this.#closed) void this.#work(); // it came at the very end
      });
    return this.#working;
  }

  async #rounds(): Promise<void> {
    try {
      while (this.#wanted && !this.#closed) {
        const whole = this.#wanted === 'look';
        this.#wanted = undefined;
        await this.#round(whole);
      }
    } catch (error) {
      if (this.#closed) return;
      this.#say('error', 'an attempt in a session could not be looked after; it is tried again', {
        error: String(error),
      });
      this.#again(AGAIN_MS);
    }
  }

  async #round(whole: boolean): Promise<void> {
    if (this.#ending) return this.#end(this.#ending);
    if (whole) await this.#sight.lookAtProcess(); // first: what a dead agent has told is all there
    if (whole && this.#checked_at !== undefined) await this.#lookAtScreen();
    await this.#spool.scan(whole ? 'all' : 'hinted');
    await this.#keepRecord();
    await this.#sight.lookAtState();
    await this.#sight.lookAtRequests(this.#spool.told.requests);
    const reading = phaseOf(this.#spool.told, this.#sight.now);
    this.#reading = reading;
    this.#sight.answer(reading.answered);
    if (reading.answered.length > 0 && this.#sight.now.live?.status === 'idle') await this.#blocked.refusedATool();
    if (whole) await this.#lookFurther();
    await this.#act(reading);
  }

  async #act(reading: Reading): Promise<void> {
    const { phase } = reading;
    switch (phase.kind) {
      case 'over':
        if (phase.end.kind === 'failed') return this.#end({ kind: 'failed', failure: phase.end.failure });
        return this.#done(phase.end.message);
      case 'gone':
        return this.#died();
      case 'starting':
      case 'working':
        await this.#goesOn();
        break;
      case 'blocked':
        await this.#waits(phase);
    }
    this.#asked.now(phase.kind === 'blocked' ? phase.requests : [], this.#spool.told, reading.answered);
    await this.#inTime(reading);
  }

  /** One that never took its prompt would do so again in this session, or with that conversation. */
  #died(): Promise<void> {
    const { confirmed_at, failed_early } = this.#spool.told;
    const { presence } = this.#ports.seats.get(this.seat) ?? {};
    const status =
      presence?.kind === 'dead' && presence.pane.life.kind === 'dead' ? presence.pane.life.status : undefined;
    const why = this.#sight.lost + (status === undefined ? '' : ` (exit code ${status})`);
    if (confirmed_at !== undefined || this.#sight.now.in_transcript)
      return this.#fail({ class: 'crash', reason: `the agent died at work: ${why}` });
    if (failed_early) return this.#fail(failed_early);
    return this.#neverWorked(`the agent ended before it took its prompt: ${why}`, status !== undefined && status < 128);
  }

  #neverWorked(reason: string, byItself = true): Promise<void> {
    const fresh = byItself && this.facts.record.resumes !== undefined;
    return this.#decide({ kind: 'failed', failure: { class: 'crash', reason, ...(fresh && { fresh }) }, cool: true });
  }

  // ── waiting for somebody ──────────────────────────────────────────────────

  async #waits({ on, detail, since }: Extract<Reading['phase'], { kind: 'blocked' }>): Promise<void> {
    const before = this.#blocked.now?.on;
    if (before === on) return;
    if (before) await this.#tellUnblocked(before, `it waits for something else: ${detail}`);
    await this.#tellBlocked(on, detail);
    await this.#blocked.enter(on, since); // afterwards: rather told twice than never
  }

  /** Of requests tells who keeps them. */
  async #tellBlocked(on: BlockedOn, detail: string): Promise<void> {
    if (on === 'permission' || on === 'question') return;
    const { record } = this.#ports;
    const { lease } = this.facts;
    const session = this.seat;
    const event = { ...lease.task, attempt: lease.attempt, session, on, detail } as const;
    await record({ type: 'task_blocked', ...event }, { by: 'runner' });
    if (on === 'interrupted')
      await record({ type: 'session_changed', session, what: 'interrupted', detail }, { by: 'runner' });
  }

  async #goesOn(): Promise<void> {
    const on = this.#blocked.now?.on;
    if (on === undefined) return;
    await this.#tellUnblocked(on, 'it goes on');
    await this.#blocked.leave(this.#ports.clock.now());
  }

  async #tellUnblocked(on: BlockedOn, how: string): Promise<void> {
    if (on === 'permission' || on === 'question') return;
    const { lease } = this.facts;
    const event = { ...lease.task, attempt: lease.attempt, session: this.seat, how } as const;
    await this.#ports.record({ type: 'task_unblocked', ...event }, { by: 'runner' });
  }

  // ── deadlines ─────────────────────────────────────────────────────────────

  async #inTime({ phase, again_at }: Reading): Promise<void> {
    const passed = await this.#inBudget();
    if (passed !== undefined) return this.#fail({ class: 'budget', final: true, reason: passed });
    const now = this.#ports.clock.now();
    const due = nextDue(phase, this.#clocks(now));
    if (due && due.at <= now) return this.#overdue(due, phase);
    const times = [due?.at, again_at, this.facts.task.spec.budget_usd && this.#billed_at + BILL_MS];
    this.#again(Math.min(...times.map((at) => at ?? Number.POSITIVE_INFINITY)) - now);
  }

  #clocks(now: number): Clocks {
    const { task, record } = this.facts;
    const config = this.#ports.config(task.project);
    const ttl = task.spec.ttl_seconds === undefined ? undefined : task.spec.ttl_seconds * 1_000;
    const waiting = this.#blocked.now;
    return {
      begun_at: this.#begun_at,
      ttl: boundedTtl(
        ttl ?? codingAgent(config, record.agent).ttl ?? config.headless.ttl,
        [...payers(task.route), record.agent],
        this.#ports.limits(),
      ),
      blocked_ms: this.#blocked.total(now),
      ...(waiting && { blocked_since: waiting.since }),
      ...(waiting?.asked_at !== undefined && { asked_at: waiting.asked_at }),
      ...(this.#checked_at !== undefined && { checked_at: this.#checked_at }),
      prompt_timeout: config.dispatcher.prompt_timeout,
      blocked_timeout: config.blocked_timeout,
      interrupted_wait: config.interrupted.wait,
    };
  }

  /** W2 */
  async #overdue({ what }: Due, phase: Reading['phase']): Promise<void> {
    const { ttl, blocked_timeout } = this.#clocks(this.#ports.clock.now());
    switch (what) {
      case 'ttl':
        return this.#fail({ class: 'timeout', reason: `it ran longer than ${seconds(ttl)}` });
      case 'prompt':
        return this.#unconfirmed();
      case 'interrupted':
        return this.#interrupted();
      case 'blocked': {
        const detail = phase.kind === 'blocked' ? phase.detail : '';
        const reason = `nobody answered for ${seconds(blocked_timeout)}: ${detail}`;
        await this.#asked.denyAll(`denied: ${reason}`);
        const isLogin = phase.kind === 'blocked' && phase.on === 'login';
        return this.#fail(isLogin ? { class: 'auth', reason, account: 'login' } : { class: 'permission', reason });
      }
    }
  }

  /** No report of our prompt in time. Whatever else can be seen decides; without anything it is ended. */
  async #unconfirmed(): Promise<void> {
    const { files, clock } = this.#ports;
    const { record } = this.facts;
    const conversation = await this.#agent.read(files, this.#transcript, record.transcript_from).catch(() => undefined);
    this.#checked_at = clock.now();
    if (conversation?.holds(record.nonce)) {
      this.#sight.foundInTranscript();
      return this.hint();
    }
    const early = this.#spool.told.failed_early;
    if (early) return this.#fail(early);
    await this.#lookAtScreen();
    const { screen, live } = this.#sight.now;
    const reading = screen && screen.at >= this.#checked_at ? screen.reading : undefined;
    if (reading?.kind === 'dialog') return this.hint();
    if (reading?.kind === 'busy' || live?.status === 'busy') return this.#worksUnheard();
    const reason = `the agent did not confirm its prompt in ${seconds(this.#clocks(clock.now()).prompt_timeout)}`;
    const shown = reading?.kind === 'error' ? `; it shows: ${reading.what}` : '';
    await this.#neverWorked(reason + shown);
  }

  #worksUnheard(): void {
    this.#say('warn', 'an agent works, but its hooks tell nothing of it');
    this.#again(AGAIN_MS);
  }

  /** They had their time for the next word. */
  async #interrupted(): Promise<void> {
    const { config, clock, message } = this.#ports;
    const { interrupted, blocked_timeout } = config(this.facts.task.project);
    const waiting = this.#blocked.now;
    const left = this.#spool.told.left !== undefined;
    const isLate = waiting !== undefined && clock.now() - waiting.since >= blocked_timeout;
    if (interrupted.next === 'end' || left || isLate || !waiting || waiting.asked >= MAX_ASKED) {
      const why = left ? 'a person began another conversation' : 'it was interrupted, and nobody went on with it';
      const refused = this.#blocked.refused;
      return this.#fail({
        class: refused ? 'permission' : 'logic_error',
        reason: refused ? `a tool was refused; ${why}` : why,
      });
    }
    await this.#blocked.asksToGoOn(clock.now()); // W4
    const sent = await message(this.seat, GO_ON);
    if (!isRefusal(sent)) return this.hint();
    this.#say('info', 'an interrupted agent could not be asked to go on; it is tried again', { why: sent.message });
    await this.#blocked.wasNotAsked();
    this.#again(AGAIN_MS);
  }

  // ── the end ───────────────────────────────────────────────────────────────

  async #done(message: string): Promise<void> {
    this.#conversation = (await this.#readConversation()) ?? this.#conversation;
    const late = this.#reading.evidence.at + WRITTEN_MS - this.#ports.clock.now();
    if (late > 0 && !isWritten(message, this.#conversation)) return this.#again(Math.min(LOOK_SOON_MS, late));
    const failure = notDone(message, this.#conversation);
    if (failure) return this.#fail(failure);
    const checked = await this.#check(doneOutcome(this.facts, message, this.#conversation, this.#prices));
    if (this.#closed) return;
    if (this.#ending) return this.#end(this.#ending); // it was cancelled meanwhile
    if (checked.kind === 'stopped') return this.#again(AGAIN_MS);
    if (checked.kind === 'failed') return this.#fail(checked.failure);
    await this.#report({ kind: 'finished', outcome: checked.outcome });
    await this.#over(this.#sight.now.process === 'dead' ? 'gone' : 'lingers');
  }

  async #check(outcome: DoneOutcome): Promise<Checked> {
    if (this.#ending) return { kind: 'stopped' };
    const { task, lease, dir, record } = this.facts;
    this.#checking = true;
    this.#tellChecking();
    const order = { task, lease, dir, cwd: record.cwd, program: record.agent, outcome };
    return this.#ports.checks.check(order).finally(() => {
      this.#checking = false;
    });
  }

  #fail(failure: Extract<Ending, { kind: 'failed' }>['failure']): Promise<void> {
    return this.#decide({ kind: 'failed', failure });
  }

  #decide(ending: Ending): Promise<void> {
    this.#ending ??= ending;
    return this.#end(this.#ending);
  }

  async #end(ending: Ending): Promise<void> {
    this.#ending = ending;
    const { dir, task } = this.facts;
    const why = ending.kind === 'failed' ? ending.failure.reason : ending.reason;
    this.#say('info', 'an attempt in a session is ended', { attempt: task.attempt, why });
    this.#ending = await writeEnding(this.#ports.files, dir, ending);
    this.#asked.now([], this.#spool.told, []);
    await this.#report(await endFailed(this.#ports, this.facts, this.#ending, this.#conversation));
    await this.#over('gone');
  }

  /** W3. A place is free as soon as its end is on its way: the next claim is behind it in the journal. */
  async #report(end: AttemptEnd): Promise<void> {
    const { store, freed } = this.#ports;
    const { lease } = this.facts;
    const whole = await this.#withWorkspace(end);
    const now = store.open().get(keyOf(lease.task));
    const ended = store.end(lease, whole, { by: 'runner' });
    this.#reported = true;
    if (now && isLive(now) && now.attempt === lease.attempt) freed(lease.task);
    const refused = await ended;
    if (refused) this.#say('warn', refused.message);
  }

  async #withWorkspace(end: AttemptEnd): Promise<AttemptEnd> {
    if (end.kind !== 'finished') return end;
    const workspace = await this.#ports.workspaces.describe(this.facts.task);
    return workspace ? { ...end, outcome: { ...end.outcome, workspace } } : end;
  }

  async #over(what: 'lingers' | 'gone'): Promise<void> {
    if (what === 'gone' && this.#ending === undefined) await this.#ports.seats.vacate(this.seat);
    this.#shut();
    this.#asked.now([], this.#spool.told, []);
    await this.#letGo();
    const { report } = this.#spool.told;
    this.#afterEnd(what, { report, ...(this.#sight.pid !== undefined && { pid: this.#sight.pid }) });
  }

  /** Whoever still waits for an answer that nobody will give. Where that fails the hook's own time ends it. */
  async #letGo(): Promise<void> {
    const { requests } = this.#ports;
    await requests.recovered(this.facts.dir).catch((error: unknown) => {
      this.#say('warn', 'hooks that wait for nothing could not be let go', { error: String(error) });
    });
  }

  // ── looking further ───────────────────────────────────────────────────────

  async #lookFurther(): Promise<void> {
    const { told } = this.#spool;
    if (told.at > this.#read_at) {
      this.#conversation = (await this.#readConversation()) ?? this.#conversation;
      this.#read_at = told.at;
    }
    await this.#lookForStall();
  }

  /** An agent that has not confirmed its prompt: a dialog may have come up, or gone. */
  async #lookAtScreen(): Promise<void> {
    if (this.#spool.told.confirmed_at !== undefined) return;
    const text = await this.#ports.screen(this.seat).catch(() => undefined);
    if (text !== undefined) this.#sight.lookedAtScreen(text);
  }

  /** It is shown, and nothing is done: a long build shows no sign either. */
  async #lookForStall(): Promise<void> {
    const { clock, config, store } = this.#ports;
    const { lease } = this.facts;
    const sign = Math.max(this.#begun_at, this.#spool.told.at, this.#sight.now.live?.at ?? 0, await this.#written());
    const quiet = clock.now() - sign;
    const { stalled_after } = config(lease.task.project).lifecycle;
    if (this.#reading.phase.kind !== 'working' || quiet < stalled_after) {
      this.#stalled_since = undefined;
      return;
    }
    if (this.#stalled_since === undefined)
      await store.note('session_stalled', `${this.seat} has shown no sign for ${seconds(quiet)}`, lease.task);
    this.#stalled_since = sign;
  }

  async #written(): Promise<number> {
    return (await this.#ports.files.stat(this.#transcript))?.mtimeMs ?? 0;
  }

  async #readConversation(): Promise<Conversation | undefined> {
    const { files, profiles } = this.#ports;
    const { transcript_from, agent, profile } = this.facts.record;
    const read = await this.#agent.read(files, this.#transcript, transcript_from).catch(() => undefined);
    if (read?.windows && profile !== undefined) await profiles.used(agent, profile, read.windows);
    if (!read || this.facts.task.spec.budget_usd === undefined) return read;
    const more = await this.#agent.subagents?.(files, this.#transcript, this.#begun_at).catch(() => undefined);
    return more ? withSubagents(read, more) : read;
  }

  get #prices() {
    const { task, record } = this.facts;
    return codingAgent(this.#ports.config(task.project), record.agent).prices;
  }

  /** What a run that is at work has cost is looked at every few seconds, whatever else is told of it. */
  async #inBudget(): Promise<string | undefined> {
    const { budget_usd } = this.facts.task.spec;
    const { clock } = this.#ports;
    if (budget_usd === undefined || clock.now() < this.#billed_at + BILL_MS) return undefined;
    this.#billed_at = clock.now();
    this.#conversation = (await this.#readConversation()) ?? this.#conversation;
    if (!this.#conversation) return undefined;
    const { usage, spent } = this.#conversation;
    const bill = billOf(undefined, spent, this.#prices);
    const key = `agents.${this.facts.record.agent}.prices`;
    return budgetPassed(budget_usd, usage.cost_usd === undefined ? bill : { usd: usage.cost_usd }, {
      tells: false,
      key,
    });
  }

  /** The agent itself says where its conversation is kept, and perhaps what it is called. */
  async #keepRecord(): Promise<void> {
    const { transcript = this.#transcript, conversation } = this.#spool.told;
    const { unnamed, ...record } = this.facts.record;
    const isNamed = unnamed === true && conversation !== undefined;
    if (transcript === this.#transcript && !isNamed) return;
    this.#transcript = transcript;
    const name = isNamed ? { conversation, started_as: record.conversation } : unnamed && { unnamed };
    this.facts = { ...this.facts, record: { ...record, ...name, transcript } };
    this.#sight.follow(this.facts.record);
    await writeRecord(this.#ports.files, this.facts.dir, this.facts.record);
  }

  #again(ms: number): void {
    this.#cancelTimer();
    if (!this.#closed && Number.isFinite(ms))
      this.#cancelTimer = this.#ports.clock.after(Math.max(0, ms), () => this.look());
  }

  #say(level: 'info' | 'warn' | 'error', message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#ports.say(level, message, { task: this.facts.task.id, session: this.seat, ...facts });
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
