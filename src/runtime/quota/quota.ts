import type { AllowanceView, LimitView } from '../model/allowance.ts';
import type { Config } from '../model/config.ts';
import type { Fleet } from '../model/fleet.ts';
import type { ProjectId } from '../model/ids.ts';
import { type LimitChange, limitKey } from '../model/quota.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Cause } from '../model/task.ts';
import { allowanceView } from '../policy/allowance-view.ts';
import {
  type LimitAsked,
  type LimitNamed,
  type LimitWanted,
  limitNamed,
  limitOrder,
  reasonOf,
} from '../policy/limit-order.ts';
import { type EffectiveLimits, effectiveLimits } from '../policy/limits.ts';
import type { Clock, TaskStore } from '../ports.ts';
import type { Need } from '../yard.ts';
import { unknownName } from './names.ts';
import { changeNeeds } from './needs.ts';
import { QuotaWatch } from './watch.ts';

/*
 * Limits while the runtime runs: what they are now, who changes them, and who is told that one is nearly or wholly spent.
 *
 * Q1. What is in force is asked for each time (`limits`), never kept: the journal and the clock say it.
 * Q2. A change is refused whole, or it is in the journal when it is answered.
 */

const MOST_CHANGES = 1_000;

export interface QuotaPorts {
  readonly store: Pick<TaskStore, 'quota' | 'record' | 'subscribe' | 'projects'>;
  readonly clock: Clock;
  /** The live configuration. */
  readonly config: Config;
  readonly fleet: () => Fleet;
  readonly projectName: (id: ProjectId) => string;
  /** Other limits are in force: what waits for them, and what runs by them, looks again. */
  readonly changed: () => void;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

/** What became of a limit. */
export interface ChangedLimit extends LimitNamed {
  readonly limit: LimitView;
  readonly hint?: string;
}

export class Quota {
  readonly #ports: QuotaPorts;
  readonly #watch: QuotaWatch;

  constructor(ports: QuotaPorts) {
    this.#ports = ports;
    this.#watch = new QuotaWatch(ports);
  }

  start(): void {
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /** The configuration has changed. */
  configured(): void {
    this.#watch.configured();
  }

  /** Q1 */
  limits(): EffectiveLimits {
    const { config, store, clock } = this.#ports;
    return effectiveLimits(config.allowance, store.quota().changes, clock.now());
  }

  allowance(): AllowanceView[] {
    const { fleet, projectName, clock } = this.#ports;
    return allowanceView(fleet(), projectName, clock.now());
  }

  needs(): Need[] {
    return changeNeeds(this.limits().changes.values(), this.#ports.config.allowance);
  }

  /** Q2 */
  async change(wanted: LimitWanted, cause: Cause): Promise<ChangedLimit | Refusal> {
    const { store, clock } = this.#ports;
    const order = limitOrder(wanted, { ...this.#currencies(wanted), now: clock.now() });
    if (isRefusal(order)) return order;
    const unknown = this.#unknown(order);
    if (isRefusal(unknown)) return unknown;
    const { changes } = this.limits();
    if (changes.size >= MOST_CHANGES && !changes.has(limitKey(order.of, order.name, order.what)))
      return refuse(
        'full',
        `${changes.size} limits are changed already; nothing was changed`,
        'write what is to stay into yardmaster.yaml, and restore those',
      );
    await store.record({ type: 'limit_changed', ...order }, cause);
    return { ...this.#now(order), ...unknown };
  }

  /** Q2 */
  async restore(asked: LimitAsked & { readonly reason: string }, cause: Cause): Promise<ChangedLimit | Refusal> {
    const named = limitNamed(asked);
    if (isRefusal(named)) return named;
    const reason = reasonOf(asked.reason);
    if (isRefusal(reason)) return reason;
    const { changes } = this.limits();
    if (!changes.has(limitKey(named.of, named.name, named.what))) return notChanged(named, changes.values());
    await this.#ports.store.record({ type: 'limit_restored', ...named, reason }, cause);
    return this.#now(named);
  }

  #unknown({ of, name }: LimitNamed): ReturnType<typeof unknownName> {
    const { config, fleet, store, clock } = this.#ports;
    return unknownName(of, name, { config, fleet: fleet(), projects: store.projects(), now: clock.now() });
  }

  /** Which one is meant where none is named, and in which something is counted already. */
  #currencies({ of, name }: LimitAsked): { configured: string | undefined; counted: Set<string> } {
    const costs = this.allowance().flatMap(({ limits, ...its }) =>
      limits.filter(({ what }) => what === 'daily_cost').map((limit) => ({ ...its, ...limit })),
    );
    const own = costs.find((one) => one.of === of && one.name === name && one.limit !== undefined);
    return { configured: own?.currency, counted: new Set(costs.flatMap(({ currency }) => currency ?? [])) };
  }

  #now({ of, name, what }: LimitNamed): ChangedLimit {
    const view = this.allowance().find((one) => one.of === of && one.name === name);
    const rows = view?.limits.filter((one) => one.what === what) ?? [];
    const limit = rows.find(({ limit, changed }) => limit !== undefined || changed) ?? rows[0] ?? { what, state: 'ok' };
    return { of, name, what, limit };
  }
}

function notChanged({ of, name, what }: LimitNamed, changes: Iterable<LimitChange>): Refusal {
  const all = [...changes].map((one) => `${one.of} ${one.name} ${one.what}`);
  const listed = all.slice(0, 10).join(', ') + (all.length > 10 ? `, and ${all.length - 10} more` : '');
  return refuse(
    'not_possible',
    `${what} of ${of} ${name} is as the configuration says: nobody has changed it, or the change is over`,
    all.length === 0 ? 'no limit is changed at the moment' : `changed: ${listed}`,
  );
}
