import type { AgentFailure } from '../../agents/agent.ts';
import { loginFile } from '../../agents/login-file.ts';
import type { CodingAgentName } from '../../model/config.ts';
import { plainLine } from '../../model/plain-text.ts';
import { type AccountWindow, type ProfileEvent, profileKey } from '../../model/profile.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { ProfileView } from '../../model/session.ts';
import type { Cause } from '../../model/task.ts';
import { windowsAfter } from '../../policy/headroom.ts';
import { type Account, changesRest, chooseAccount, restAfter, restOf } from '../../policy/profiles.ts';
import type { Clock, Files, TaskStore } from '../../ports.ts';
import { type AccountConfig, Accounts, type ChosenProfile, type ProfileWait } from './accounts.ts';

/*
 * The accounts of the coding agents: which one an attempt runs on, which rest, and until when.
 *
 * A1. What is known is in the journal alone: a restart changes nothing, and one change is told once, in the order in
 *     which it was decided, however many sessions meet the same limit.
 * A2. Whoever waits for an account is woken when the earliest rest ends, by one timer; after `stop()` there is none.
 * A3. A login that was refused is tried again when its file has changed since: once, and after a second refusal within
 *     `TRUSTED_MS` only on a person's word, so that an agent that writes that file when it fails is no loop.
 *
 * Without configured profiles an agent has one account, `default`: the agent's own configuration directory.
 */

const LONGEST_WAIT_MS = 3_600_000; // a timer does not run while the machine sleeps
const WRITTEN_AFTER_MS = 2_000;
const TRUSTED_MS = 600_000;
const MAX_REASON = 300;
const MOST_WINDOWS = 20;

export interface ProfilesParts {
  readonly store: Pick<TaskStore, 'profiles' | 'record' | 'subscribe'>;
  readonly clock: Clock;
  readonly files: Pick<Files, 'stat'>;
  /** As it is at the moment of asking. */
  readonly config: AccountConfig;
  readonly userHome: string;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

export interface Failover {
  /** The account rests: when the next attempt starts is up to `gate`, not to a time of its own (policy/retry.ts). */
  readonly rests: boolean;
  /** Where the next attempt would run. */
  readonly next: ChosenProfile | ProfileWait;
}

export class Profiles {
  readonly #parts: ProfilesParts;
  readonly #accounts: Accounts;
  readonly #listeners = new Set<() => void>();
  /** When a changed file ended the rest of a login. */
  readonly #noticed = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();
  #life: { stop: () => void } | undefined;
  #timer: (() => void) | undefined;

  constructor(parts: ProfilesParts) {
    this.#parts = parts;
    this.#accounts = new Accounts(parts);
  }

  start(): void {
    if (this.#life) return;
    const hear = (changes: readonly { readonly type: string }[]) => {
      if (changes.some(({ type }) => type.startsWith('profile_'))) this.#changed();
    };
    this.#life = { stop: this.#parts.store.subscribe(hear) };
    this.#setTimer();
  }

  stop(): void {
    this.#life?.stop();
    this.#life = undefined;
    this.#timer?.(); // A2
    this.#timer = undefined;
  }

  /** Called when another account may be ready, or none any more. Returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `prefer` is the account of the task's conversation: it goes on there when it can. */
  choose(agent: CodingAgentName, { prefer }: { readonly prefer?: string } = {}): ChosenProfile | ProfileWait {
    const choice = chooseAccount(this.#accounts.of(agent), this.#parts.clock.now(), prefer);
    if (choice.kind === 'use') {
      const { name, config_dir } = choice.account;
      return { name, ...(config_dir !== undefined && { config_dir }) };
    }
    const { kind: _, ...why } = choice;
    return { wait: true, ...why };
  }

  /** Why no session of this agent can start now: for the fleet. Undefined while an account is ready. */
  gate(agent: CodingAgentName): { readonly reason: string; readonly until?: number } | undefined {
    const choice = this.choose(agent);
    if (!('wait' in choice)) return undefined;
    const { wait: _, ...why } = choice;
    return why;
  }

  /** An attempt on this account has failed. Settles when what follows from it is in the journal. */
  failed(agent: CodingAgentName, profile: string, failure: AgentFailure): Promise<Failover> {
    return this.#inTurn(async () => {
      const rests = await this.#restAfter(agent, profile, failure).catch((error: unknown) => {
        this.#parts.say('error', 'an account could not be paused', { agent, profile, error: String(error) });
        return false; // then the attempt waits for a time of its own
      });
      return { rests, next: this.choose(agent) };
    });
  }

  /** How full the windows of an account are, as its service says. Written down where that matters (headroom.ts). */
  used(agent: CodingAgentName, name: string, told: readonly AccountWindow[]): Promise<void> {
    return this.#inTurn(async () => {
      const account = this.#accounts.find(agent, name);
      const windows = account && windowsAfter(account.record?.windows ?? [], told, this.#parts.clock.now());
      if (!windows) return;
      const event = { type: 'profile_used', agent, profile: name, windows: windows.slice(0, MOST_WINDOWS) } as const;
      await this.#parts.store.record(event, { by: 'runner' });
    }).catch((error: unknown) => {
      this.#parts.say('warn', 'how much of an account is used could not be written down', {
        ...{ agent, profile: name, error: String(error) },
      });
    });
  }

  /** Of the account that the next attempt would run on. */
  windows(agent: CodingAgentName): readonly AccountWindow[] | undefined {
    const next = this.choose(agent);
    return 'wait' in next ? undefined : this.#accounts.find(agent, next.name)?.record?.windows;
  }

  /** Have people logged in again? To be asked at each reconcile; costs nothing while no login is refused. */
  look(): Promise<void> {
    return this.#inTurn(async () => {
      for (const agent of this.#accounts.agents())
        for (const account of this.#accounts.of(agent))
          if (await this.#loggedIn(agent, account)) await this.#back(agent, account.name);
    });
  }

  /** All accounts, by agent, in the order of the configuration. `in_use`: the next attempt runs on it. */
  views(): ProfileView[] {
    return this.#accounts.agents().flatMap((agent) => {
      const next = this.choose(agent);
      return this.#accounts.of(agent).map((account) => this.#accounts.view(agent, account, next));
    });
  }

  /** No attempt starts on it until then, or until it is resumed; what runs on it goes on. */
  pause(
    agent: string,
    name: string,
    { until, reason }: { readonly until?: number; readonly reason: string },
    cause: Cause,
  ): Promise<ProfileView | Refusal> {
    if (until !== undefined && !(until > this.#parts.clock.now()))
      return Promise.resolve(
        refuse(
          'invalid',
          `a pause of ${agent} ${name} can't end in the past`,
          'leave the time out, or name a later one',
        ),
      );
    return this.#change(agent, name, cause, () => ({
      ...{ type: 'profile_paused', agent, profile: name, why: 'person', reason: cleanReason(reason) || 'paused' },
      ...(until !== undefined && { until }),
    }));
  }

  /** Whatever it rested for. One that does not rest stays as it is. */
  resume(agent: string, name: string, cause: Cause): Promise<ProfileView | Refusal> {
    return this.#change(agent, name, cause, (account) =>
      this.#accounts.rest(account) ? { type: 'profile_resumed', agent, profile: name } : undefined,
    );
  }

  /** The next attempts use it first; while it rests, another one. It stays so until another one is named. */
  use(agent: string, name: string, cause: Cause): Promise<ProfileView | Refusal> {
    return this.#change(agent, name, cause, ({ record }) =>
      record?.chosen ? undefined : { type: 'profile_chosen', agent, profile: name },
    );
  }

  // ── what is decided in turn (A1) ──────────────────────────────────────────

  async #restAfter(agent: CodingAgentName, profile: string, failure: AgentFailure): Promise<boolean> {
    const account = this.#accounts.find(agent, profile);
    if (!account) return false; // no longer configured
    const next = restAfter(failure, account.record?.paused, this.#parts.clock.now());
    if (!next) return false;
    if (!changesRest(this.#accounts.rest(account), next)) return true;
    const { at: _, reason, ...rest } = next;
    const event = { type: 'profile_paused', agent, profile, ...rest, reason: cleanReason(reason) } as const;
    await this.#parts.store.record(event, { by: 'runner' });
    this.#parts.say('warn', 'an account rests', {
      agent,
      profile,
      why: rest.why,
      reason: event.reason,
      until: rest.until,
    });
    return true;
  }

  async #loggedIn(agent: CodingAgentName, account: Account): Promise<boolean> {
    const rest = this.#accounts.rest(account);
    if (!rest || rest.until !== undefined || (rest.why !== 'login' && rest.why !== 'billing')) return false;
    const noticed = this.#noticed.get(profileKey(agent, account.name));
    if (noticed !== undefined && rest.at - noticed < TRUSTED_MS) return false; // A3
    const { config_dir } = account;
    const file = loginFile(agent, { home: this.#parts.userHome, ...(config_dir !== undefined && { config_dir }) });
    const stat = file === undefined ? undefined : await this.#parts.files.stat(file).catch(() => undefined);
    return stat?.kind === 'file' && stat.mtimeMs > rest.at + WRITTEN_AFTER_MS;
  }

  async #back(agent: CodingAgentName, profile: string): Promise<void> {
    await this.#parts.store.record({ type: 'profile_resumed', agent, profile }, { by: 'recovery' });
    this.#noticed.set(profileKey(agent, profile), this.#parts.clock.now());
    this.#parts.say('info', 'an account was logged in again', { agent, profile });
  }

  #change(
    agent: string,
    name: string,
    cause: Cause,
    decide: (account: Account) => ProfileEvent | undefined,
  ): Promise<ProfileView | Refusal> {
    return this.#inTurn(async () => {
      const known = this.#accounts.known(agent, name);
      if ('refused' in known) return known;
      const event = decide(known.account);
      if (event) await this.#parts.store.record(event, cause);
      const next = this.choose(known.agent);
      const account = this.#accounts.find(known.agent, name) ?? known.account;
      return this.#accounts.view(known.agent, account, next);
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const acting = this.#turn.then(act);
    this.#turn = acting.catch(() => undefined);
    return acting;
  }

  // ── waking ────────────────────────────────────────────────────────────────

  #changed(): void {
    this.#setTimer();
    for (const listener of [...this.#listeners]) listener();
  }

  #setTimer(): void {
    this.#timer?.();
    this.#timer = undefined;
    const now = this.#parts.clock.now();
    const ends = [...this.#parts.store.profiles().values()].flatMap((record) => restOf(record, now)?.until ?? []);
    if (ends.length === 0) return;
    const first = Math.min(...ends);
    this.#timer = this.#parts.clock.after(Math.min(first - now, LONGEST_WAIT_MS), () => {
      this.#timer = undefined;
      if (!this.#life) return;
      if (this.#parts.clock.now() >= first) this.#changed();
      else this.#setTimer();
    });
  }
}

function cleanReason(reason: string): string {
  return plainLine(reason).slice(0, MAX_REASON);
}
