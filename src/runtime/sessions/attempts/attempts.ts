import type { Claimed } from '../../dispatcher/launch.ts';
import { keyOf, type TaskKey } from '../../model/ids.ts';
import type { AgentRoute } from '../../model/route.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../../model/task.ts';
import { afterFailure } from '../../policy/retry.ts';
import type { AttemptEnd, Change } from '../../ports.ts';
import { leaseOf } from '../../runs/attempts.ts';
import { runDirOf } from '../../runs/order.ts';
import { retrySituation } from '../../runs/situation.ts';
import type { Seat, SeatNews } from '../seats.ts';
import { SessionAttempt } from './attempt.ts';
import type { AttemptView, SessionAttemptPorts } from './attempt-ports.ts';
import { startingView } from './attempt-view.ts';
import { deliver } from './deliver.ts';
import { Leftovers } from './leftovers.ts';
import { type Prepared, prepareSession } from './prepare.ts';
import { readRecord } from './run-record.ts';
import { StateWatch } from './state-watch.ts';

/*
 * The attempts of agents in sessions, from the claim to the report.
 *
 * B1. A run directory belongs to one attempt, and at most one agent ever starts in it: what makes `owner` there first
 *     decides, an agent's own start or a recovery (law 5).
 * B2. A seat has one attempt. A claim for a seat that has one, or that a person uses, is given back.
 * B3. After a restart each live attempt is asked for at its run directory: never begun → void, otherwise taken up. Its
 *     reports are read again from the start, so nothing that was told meanwhile is lost.
 * B4. tmux's news, a reconcile and a change of an agent's own state only make somebody look.
 */

const AGAIN_MS = 5_000;
/** For a conversation, or an account: the fleet's own gate holds tasks back, but for one that was claimed meanwhile. */
const WAIT_MS = 30_000;
const SETTLED_MS = 1_000;
const ORPHAN_MS = 10_000;

export class SessionAttempts {
  readonly #ports: SessionAttemptPorts;
  readonly #attempts = new Map<TaskKey, SessionAttempt>();
  /** Seats in which an agent is being started. */
  readonly #launching = new Map<string, { view?: AttemptView }>();
  readonly #left: Leftovers;
  readonly #states: StateWatch;
  readonly #timers = new Set<() => void>();
  #unsubscribe: (() => void)[] = [];
  #stopped = false;

  constructor(ports: SessionAttemptPorts) {
    this.#ports = ports;
    this.#left = new Leftovers(ports);
    this.#states = new StateWatch(ports, (pid) => this.#hint(pid));
  }

  /** Takes up what an earlier runtime left at work. */
  async start(): Promise<void> {
    const { store, seats } = this.#ports;
    this.#unsubscribe = [
      store.subscribe((changes) => this.#onChanges(changes)),
      seats.subscribe((news) => this.#onNews(news)),
    ];
    await Promise.all([...store.open().values()].filter(inSession).map((task) => this.#recover(task)));
    await this.#left.adopt((seat) => this.#isTaken(seat));
  }

  /** Stops watching; the agents go on and are taken up by the next runtime. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const cancel of this.#timers) cancel();
    this.#left.close();
    this.#states.close();
    const attempts = [...this.#attempts.values()];
    this.#attempts.clear();
    await Promise.all(attempts.map((attempt) => attempt.close()));
  }

  async launch(claimed: Claimed<AgentRoute>): Promise<void> {
    const { lease, route } = claimed;
    const before = [this.#in(route.agent), this.#attempts.get(keyOf(lease.task))];
    await Promise.all(before.map((attempt) => attempt?.ending)); // over by the journal, and in a moment here too
    const seat = this.#ports.seats.get(route.agent);
    const problem = seat ? this.#obstacle(seat.name) : `there is no session ${route.agent} any more`;
    if (!seat || problem !== undefined) return this.#giveBack(lease, problem ?? '');
    const launching = {};
    this.#launching.set(seat.name, launching);
    try {
      await this.#begin(claimed, seat, launching);
    } catch (error) {
      const facts = { task: claimed.task.id, error: String(error) };
      this.#ports.say('error', 'an attempt could not be begun; what came of it is looked at', facts);
      this.#ports.seats.cool(seat.name, 'an attempt could not be begun in it');
      await this.#recover(this.#now(claimed.task) ?? claimed.task);
    } finally {
      if (this.#launching.get(seat.name) === launching) this.#launching.delete(seat.name);
    }
  }

  /** What is known of the agent in a seat; undefined where none of ours is. */
  view(seat: string): AttemptView | undefined {
    return this.#in(seat)?.view() ?? this.#launching.get(seat)?.view ?? this.#left.get(seat)?.view();
  }

  /** A person uses the agent that an attempt has left there. */
  inUse(seat: string): boolean {
    return this.#left.get(seat)?.inUse ?? false;
  }

  /** Something may have changed; without a seat, anywhere. */
  look(seat?: string): void {
    if (seat !== undefined) {
      this.#in(seat)?.look();
      return;
    }
    for (const attempt of this.#attempts.values()) attempt.look();
    void this.#left.look((name) => this.#isTaken(name));
  }

  /** How long an agent may take has changed. */
  limitsChanged(): void {
    for (const attempt of this.#attempts.values()) attempt.hint();
  }

  /** The hook of this request has taken an answer. */
  answered({ run_dir, report }: { readonly run_dir: string; readonly report: string }): void {
    [...this.#attempts.values()].find(({ facts }) => facts.dir === run_dir)?.answered(report);
  }

  /** An agent that is done and has this conversation still open is ended: somebody else is to go on with it. */
  async leaveTo(conversation: string): Promise<void> {
    await this.#left.leave(undefined, conversation);
  }

  // ── starting ──────────────────────────────────────────────────────────────

  /** B2 */
  #obstacle(seat: string): string | undefined {
    if (this.#stopped) return 'the runtime is stopping';
    if (this.#isTaken(seat)) return `the session ${seat} is at work`;
    return this.inUse(seat) ? `a person uses the agent in ${seat}` : undefined;
  }

  async #begin(claimed: Claimed<AgentRoute>, seat: Seat, launching: { view?: AttemptView }): Promise<void> {
    const { lease, task } = claimed;
    const prepared = await prepareSession(this.#ports, claimed, seat);
    if (prepared.kind !== 'ready') return this.#notReady(claimed, seat, prepared);
    if (this.#now(task)?.cancel !== undefined) return this.#giveBack(lease, 'it was cancelled before it began');
    const { conversation } = prepared.record;
    const writer = this.writerOf(conversation) ?? this.#ports.headless.writerOf(conversation);
    if (writer !== undefined)
      return this.#notReady(claimed, seat, { kind: 'wait', reason: `${writer} works in its conversation` });
    launching.view = startingView({ ...prepared, task, lease }, this.#ports.clock.now());
    await this.#left.leave(seat.name, conversation);
    const patience = this.#ports.config(task.project).dispatcher.prompt_timeout;
    const delivered = await deliver(this.#ports, seat.name, { ...prepared, patience });
    if (delivered.kind === 'never') {
      this.#ports.seats.cool(seat.name, delivered.reason);
      return this.#giveBack(lease, delivered.reason);
    }
    const started = this.#ports.store.started(lease); // whatever it tells is recorded behind this
    const pid = delivered.kind === 'running' ? delivered.pid : undefined;
    await Promise.all([started, this.#watch(task, lease, prepared.dir, prepared.record, pid)]);
  }

  /** A conversation has one writer at a time: the session in which an attempt, or a person, has it now. */
  writerOf(conversation: string): string | undefined {
    const working = [...this.#attempts.values()].find(({ facts }) => facts.record.conversation === conversation);
    const [starting] = [...this.#launching].find(([, { view }]) => view?.conversation === conversation) ?? [];
    return working?.seat ?? starting ?? this.#left.userOf(conversation);
  }

  async #notReady({ lease, route }: Claimed<AgentRoute>, seat: Seat, found: Exclude<Prepared, { kind: 'ready' }>) {
    const { store, clock, seats } = this.#ports;
    switch (found.kind) {
      case 'unfit': {
        const outcome = { state: 'failed', error_class: 'invalid', reason: found.reason, agent: route.agent } as const;
        await store.end(lease, { kind: 'finished', outcome }, { by: 'runner' });
        return;
      }
      case 'refused':
        seats.cool(seat.name, found.reason);
        return this.#giveBack(lease, found.reason);
      case 'wait': {
        const again = { class: 'rate_limit', reason: found.reason, not_before: clock.now() + WAIT_MS } as const;
        await store.end(lease, { kind: 'requeue', ...again, spent: false }, { by: 'runner' });
      }
    }
  }

  async #giveBack(lease: Lease, reason: string): Promise<void> {
    await this.#ports.store.end(lease, { kind: 'void', reason }, { by: 'runner' });
  }

  async #watch(task: LiveTask, lease: Lease, dir: string, record: SessionAttempt['facts']['record'], pid?: number) {
    if (this.#stopped) return;
    const key = keyOf(lease.task);
    const facts = { task: this.#now(task) ?? task, lease, dir, record };
    const attempt = new SessionAttempt(this.#ports, { ...facts, ...(pid !== undefined && { pid }) }, (what, last) => {
      if (this.#attempts.get(key) === attempt) this.#attempts.delete(key);
      if (what === 'lingers' && !this.#stopped)
        this.#left.keep(record.session, { dir, record: attempt.facts.record, ...last });
    });
    this.#attempts.set(key, attempt);
    this.#launching.delete(record.session); // the seat is the attempt's from here on, which may be over before all is read
    this.#states.follow(record);
    const cancel = facts.task.cancel;
    if (cancel !== undefined) attempt.cancel(cancel); // it came while the agent was being started
    await attempt.begin();
  }

  // ── after a restart ───────────────────────────────────────────────────────

  /** B3. A look that fails proves nothing: it is made again. */
  async #recover(task: LiveTask): Promise<void> {
    try {
      await this.#takeUp(task);
    } catch (error) {
      const facts = { task: task.id, error: String(error) };
      this.#ports.say(
        'warn',
        'what became of an attempt in a session could not be found out; it is looked at again',
        facts,
      );
      this.#later(AGAIN_MS, () => void this.#recover(task));
    }
  }

  async #takeUp(task: LiveTask): Promise<void> {
    const { home, runner, files, store, config } = this.#ports;
    const dir = runDirOf(home, task, task.attempt);
    const lease = leaseOf(task, store.epoch);
    const found = await runner.recover(dir);
    if (found.kind === 'never_started' && task.state === 'claimed')
      return this.#giveBack(lease, 'the runtime ended before the agent began');
    const record = await readRecord(files, dir);
    if (found.kind === 'never_started' || !record) {
      if (found.kind === 'running') await runner.stop(dir, config(task.project).headless.grace);
      return this.#lost(task, lease);
    }
    if (task.state === 'claimed') await store.started(lease);
    await this.#watch(task, lease, dir, record, found.kind === 'running' ? found.pid : undefined);
  }

  /** A power cut has taken its traces. */
  async #lost(task: LiveTask, lease: Lease): Promise<void> {
    const { store, freed, config } = this.#ports;
    const agent = task.route.to === 'agent' ? task.route.agent : '';
    const failure = { class: 'crash', reason: 'its run directory was lost', agent } as const;
    const end: AttemptEnd = afterFailure(
      failure,
      retrySituation(task, { ...this.#ports, config: config(task.project) }),
    );
    await store.end(lease, end, { by: 'recovery' });
    freed(lease.task);
  }

  // ── hearing ───────────────────────────────────────────────────────────────

  #onChanges(changes: readonly Change[]): void {
    for (const { type, after } of changes) {
      if (type !== 'cancel_requested' || !after || 'finished_seq' in after || !inSession(after)) continue;
      this.#attempts.get(keyOf(after))?.cancel(after.cancel ?? 'cancelled');
    }
  }

  /** B4 */
  #onNews(news: SeatNews): void {
    if (news.kind === 'look') this.look();
    else {
      this.look(news.seat);
      this.#later(SETTLED_MS, () => this.look(news.seat)); // a hang-up takes a moment
      this.#later(ORPHAN_MS, () => this.#endOrphan(news.seat));
    }
  }

  #endOrphan(seat: string): void {
    const attempt = this.#in(seat);
    const presence = this.#ports.seats.get(seat)?.presence;
    const isGone = presence?.kind === 'absent' || presence?.kind === 'dead';
    const isAnother = presence?.kind === 'there' && attempt?.pid !== undefined && presence.pane.pid !== attempt.pid;
    if (attempt && (isGone || isAnother)) attempt.endOrphan();
  }

  #hint(pid: number | undefined): void {
    for (const attempt of this.#attempts.values()) if (pid === undefined || attempt.pid === pid) attempt.hint();
    this.#left.hint(pid);
  }

  #in(seat: string): SessionAttempt | undefined {
    return [...this.#attempts.values()].find((attempt) => attempt.seat === seat);
  }

  #isTaken(seat: string): boolean {
    return this.#launching.has(seat) || this.#in(seat) !== undefined;
  }

  #now(task: LiveTask): LiveTask | undefined {
    const now = this.#ports.store.open().get(keyOf(task));
    return now && isLive(now) && now.attempt === task.attempt ? now : undefined;
  }

  #later(ms: number, act: () => void): void {
    if (this.#stopped) return;
    const cancel = this.#ports.clock.after(ms, () => {
      this.#timers.delete(cancel);
      if (!this.#stopped) act();
    });
    this.#timers.add(cancel);
  }
}

function inSession(task: OpenTask): task is LiveTask {
  return isLive(task) && task.route.to === 'agent' && task.route.kind === 'session';
}
