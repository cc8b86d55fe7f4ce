import type { TaskRef } from '../model/ids.ts';
import type { LiveTask } from '../model/task.ts';
import type { Failure } from '../policy/retry.ts';
import type { AttemptEnd, Chance, Clock, Files, Provider, TaskStore } from '../ports.ts';
import type { Answers, Composer } from '../work.ts';
import type { Gate } from './gate.ts';
import type { Lane } from './lane.ts';
import type { DelegationSettings } from './settings.ts';
import type { Tally } from './status.ts';
import { hasMoved, type Next, type Watch } from './watch.ts';

export interface Trouble {
  readonly task: TaskRef;
  readonly provider: string;
  readonly message: string;
}

/** What the service needs of the rest of the runtime. */
export interface DelegationPorts {
  readonly store: Pick<
    TaskStore,
    'epoch' | 'open' | 'projects' | 'text' | 'started' | 'jobAccepted' | 'end' | 'subscribe'
  >;
  readonly files: Pick<Files, 'read' | 'replace' | 'remove' | 'sync' | 'syncDir'>;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Asked anew each time, so that a changed configuration counts at once. */
  readonly providers: () => ReadonlyMap<string, Provider>;
  readonly settings: () => DelegationSettings;
  readonly composer: Composer;
  readonly answers: Answers;
  /** The retry policy: what follows a failure of this class. */
  readonly afterFailure: (task: LiveTask, failure: Failure) => AttemptEnd;
  /** How long a job of this task may take, in milliseconds. */
  readonly ttl: (task: LiveTask) => number;
  /** A provider can be had again, or can't be had any more. */
  readonly changed: () => void;
  /** Something that a person may want to know; it changes nothing. */
  readonly report: (trouble: Trouble) => void;
}

/** What one step works with: the ports, its provider's lane and the signals of `stop`. */
export interface Desk extends DelegationPorts {
  readonly lane: Lane;
  readonly gate: Gate;
  /** Aborted first: a look can be made again. */
  readonly looks: AbortSignal;
  /** Aborted last: what is cut off here may have been taken. */
  readonly submits: AbortSignal;
  readonly tally: Tally;
  /** Its next step comes at once. */
  readonly nudge: (watch: Watch) => void;
}

/** Who is asked about this attempt's job: whoever took it. Under the same name at another address may be somebody else. */
export function providerOf(watch: Watch, desk: Pick<DelegationPorts, 'providers'>): Provider | undefined {
  const provider = watch.taker ?? desk.providers().get(watch.provider);
  return provider && hasMoved(watch, provider) ? undefined : provider;
}

/** Why nobody can be asked. */
export function whyNobody(watch: Watch, desk: Pick<DelegationPorts, 'providers'>): string {
  const now = desk.providers().get(watch.provider)?.address;
  if (now === undefined) return 'its provider is not configured any more';
  return `it was sent to ${watch.address}, and ${watch.provider} is at ${now} now; it is looked at again when base_url is as it was`;
}

export function projectOf(desk: Pick<DelegationPorts, 'store'>, task: TaskRef) {
  const project = desk.store.projects().find(({ id }) => id === task.project);
  if (!project) throw new Error(`no project ${task.project} for its task ${task.id}`);
  return project;
}

export function report(desk: DelegationPorts, watch: Watch, message: string): void {
  desk.report({ task: watch.lease.task, provider: watch.provider, message });
}

/** Doubles with each trouble in a row; jitter keeps many jobs from coming back at the same moment. */
export function backoffMs(desk: Pick<DelegationPorts, 'settings' | 'chance'>, failures: number): number {
  const { first_ms, max_ms } = desk.settings().backoff;
  const full = Math.min(max_ms, first_ms * 2 ** Math.min(failures, 30));
  return full * (0.5 + desk.chance.fraction() / 2);
}

/** Another try after trouble, not before the time that the provider asked for. */
export function tryAgain(desk: Desk, watch: Watch, least_ms: number, retry_after_ms?: number): Next {
  const asked = bounded(desk, retry_after_ms);
  const wait = Math.max(least_ms, backoffMs(desk, watch.failures++), asked);
  return { kind: 'again', at: desk.clock.now() + wait };
}

/** What a provider asked for, within bounds. */
export function bounded(desk: Pick<DelegationPorts, 'settings'>, retry_after_ms = 0): number {
  return Math.min(retry_after_ms, desk.settings().retry_after_max_ms);
}
