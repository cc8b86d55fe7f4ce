import { keyOf, type TaskKey } from '../model/ids.ts';
import type { Outgoing } from '../model/outgoing.ts';
import { callbackHost } from '../policy/callback-url.ts';
import type { Chance, Change, TaskStore } from '../ports.ts';
import type { Need } from '../yard.ts';
import { type Debt, givenUp, Host, isTooOld, settleTry } from './debt.ts';
import { needsOfDebts } from './needs.ts';
import { type Callback, type TellPorts, tell } from './tell.ts';
import type { Told } from './verdict.ts';

/*
 * Tells the `callback_url` of each task that it has ended.
 *
 * C1. At least once: what is owed is a fold of the journal (`store.outbox()`) and is ended by a record alone. What is
 *     killed between the receiver's word and that record is told again.
 * C2. What was taken, or given up, is not sent again by this runtime, also while that record can't be written.
 * C3. At most `AT_ONCE` on their way, two of one host; of a host that does not answer one, after a pause that grows: it
 *     holds up nobody else's.
 * C4. With `local_only` nothing is sent and nothing is given up.
 */

const AT_ONCE = 4;
const CLOSING_PATIENCE_MS = 2_000;

export interface CallbackPorts extends TellPorts {
  readonly store: TellPorts['store'] & Pick<TaskStore, 'outbox' | 'delivered' | 'subscribe'>;
  readonly chance: Chance;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

interface Life {
  readonly abort: AbortController;
  readonly unsubscribe: () => void;
  readonly working: Set<Promise<void>>;
  closing: boolean;
}

export class Callbacks {
  readonly #ports: CallbackPorts;
  readonly #debts = new Map<TaskKey, Debt>();
  /** The one that was served last stands last. */
  readonly #hosts = new Map<string, Host>();
  #life: Life | undefined;
  #alarm: (() => void) | undefined;

  constructor(ports: CallbackPorts) {
    this.#ports = ports;
  }

  start(): void {
    if (this.#life) return;
    const { store } = this.#ports;
    const unsubscribe = store.subscribe((changes) => this.#notice(changes));
    this.#life = { abort: new AbortController(), unsubscribe, working: new Set(), closing: false };
    for (const outgoing of store.outbox().values()) this.#take(outgoing);
    this.#next();
  }

  /** What is on its way has two seconds; it stays owed, and the next start tells it. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    life.closing = true;
    life.unsubscribe();
    this.#alarm?.();
    const patience = this.#ports.clock.after(CLOSING_PATIENCE_MS, () => life.abort.abort());
    await Promise.all(life.working);
    patience();
    this.#debts.clear();
    this.#hosts.clear();
    this.#life = undefined;
  }

  /** The configuration is another one: what it held up is tried now. */
  configured(): void {
    const now = this.#ports.clock.now();
    for (const debt of this.#debts.values()) if (debt.held) debt.next_at = now;
    this.#next();
  }

  get owed(): number {
    return this.#debts.size;
  }

  needs(): Need[] {
    return this.#ports.config.local_only ? [] : needsOfDebts(this.#debts.values(), this.#hosts); // C4
  }

  #notice(changes: readonly Change[]): void {
    const outbox = this.#ports.store.outbox();
    let more = false;
    for (const { after } of changes) {
      const owed = after && 'finished_at' in after ? outbox.get(keyOf(after)) : undefined;
      more = (owed !== undefined && this.#take(owed)) || more;
    }
    if (more) this.#next();
  }

  #take(outgoing: Outgoing): boolean {
    const key = keyOf(outgoing.ref);
    if (!isCallback(outgoing) || this.#debts.has(key)) return false;
    const host = callbackHost(outgoing.callback_url);
    const debt = { callback: outgoing, host, tries: 0, refusals: 0, next_at: 0, busy: false, held: false };
    this.#debts.set(key, debt);
    this.#hostOf(debt).debts.add(debt);
    return true;
  }

  #next(): void {
    const life = this.#life;
    this.#alarm?.();
    this.#alarm = undefined;
    if (!life || life.closing || this.#ports.config.local_only) return; // C4
    const now = this.#ports.clock.now();
    let soonest = Number.POSITIVE_INFINITY;
    for (const host of [...this.#hosts.values()]) soonest = Math.min(soonest, this.#serve(life, host, now));
    if (soonest < Number.POSITIVE_INFINITY) this.#alarm = this.#ports.clock.after(soonest - now, () => this.#next());
  }

  /** Begins what is due of one host, as far as there is room (C3); when the next one is due. The end of one looks again. */
  #serve(life: Life, host: Host, now: number): number {
    const { give_up } = this.#ports.config.callbacks;
    let soonest = Number.POSITIVE_INFINITY;
    for (const debt of host.debts) {
      if (life.working.size >= AT_ONCE || host.busy >= host.room) break;
      if (debt.busy) continue;
      const settled = debt.end !== undefined || isTooOld(debt, host, now, give_up); // nobody is asked
      const at = settled ? debt.next_at : Math.max(debt.next_at, host.held_until);
      if (at <= now) this.#begin(life, debt, host);
      else soonest = Math.min(soonest, at);
    }
    return soonest;
  }

  #begin(life: Life, debt: Debt, host: Host): void {
    debt.busy = true;
    host.busy++;
    this.#hosts.delete(debt.host);
    this.#hosts.set(debt.host, host);
    const working = this.#work(life, debt, host)
      .catch((error) => this.#failed(debt, error))
      .finally(() => {
        debt.busy = false;
        host.busy--;
        life.working.delete(working);
        this.#next();
      });
    life.working.add(working);
  }

  async #work(life: Life, debt: Debt, host: Host): Promise<void> {
    const { store, config, clock } = this.#ports;
    const { ref } = debt.callback;
    if (!store.outbox().get(keyOf(ref))?.owed.includes('callback')) return this.#forget(debt);
    if (!debt.end) {
      if (isTooOld(debt, host, clock.now(), config.callbacks.give_up)) debt.end = givenUp(debt);
      else await this.#try(life, debt, host);
    }
    if (!debt.end) return;
    await store.delivered(ref, 'callback', debt.end); // C1
    if (!debt.end.ok)
      this.#ports.say('warn', 'a callback was given up', { task: ref.id, host: debt.host, why: debt.end.detail });
    this.#forget(debt);
  }

  async #try(life: Life, debt: Debt, host: Host): Promise<void> {
    const told = await tell(this.#ports, debt.callback, life.abort.signal);
    if (life.abort.signal.aborted && told.kind !== 'taken') return; // cut off by us: it says nothing about the receiver
    const first = debt.trouble === undefined;
    settleTry(debt, host, told, this.#ports); // C2
    if (debt.end) return;
    if (first) this.#ports.say('warn', 'a callback waits', { task: debt.callback.ref.id, ...facts(debt, told) });
    host.debts.delete(debt); // behind the others
    host.debts.add(debt);
  }

  /** A record that could not be written, or a file that could not be read. */
  #failed(debt: Debt, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#ports.say('error', 'a callback could not be dealt with', { task: debt.callback.ref.id, error: reason });
    const failure = { kind: 'absent', reason } as const;
    settleTry(debt, this.#hostOf(debt), failure, this.#ports);
  }

  #forget(debt: Debt): void {
    this.#debts.delete(keyOf(debt.callback.ref));
    this.#hostOf(debt).debts.delete(debt);
  }

  #hostOf({ host }: Debt): Host {
    const found = this.#hosts.get(host) ?? new Host();
    this.#hosts.set(host, found);
    return found;
  }
}

function isCallback(outgoing: Outgoing): outgoing is Callback {
  return outgoing.owed.includes('callback') && outgoing.callback_url !== undefined;
}

function facts({ host }: Debt, told: Told): object {
  return { host, why: 'reason' in told ? told.reason : '' };
}
