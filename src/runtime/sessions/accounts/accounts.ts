import { CODING_AGENTS, type CodingAgentName, type Config, codingAgent, isCodingAgent } from '../../model/config.ts';
import { type ProfilePause, profileKey } from '../../model/profile.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { ProfileView } from '../../model/session.ts';
import { openWindows } from '../../policy/headroom.ts';
import { type Account, restOf } from '../../policy/profiles.ts';
import type { Clock, TaskStore } from '../../ports.ts';

const DEFAULT_PROFILE = 'default';

export type AccountConfig = Pick<Config, 'agents' | 'pool'>;

/** The account for an attempt; `config_dir` absent: the agent's own. */
export interface ChosenProfile {
  readonly name: string;
  readonly config_dir?: string;
}

/** None is ready: until the earliest rest is over, or, without a time, for a person. */
export interface ProfileWait {
  readonly wait: true;
  readonly until?: number;
  readonly reason: string;
}

interface AccountParts {
  readonly store: Pick<TaskStore, 'profiles'>;
  readonly clock: Clock;
  readonly config: AccountConfig;
}

/** The accounts as they are configured and as the journal knows them. */
export class Accounts {
  readonly #parts: AccountParts;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** Those that the configuration names. */
  agents(): CodingAgentName[] {
    const { agents, pool } = this.#parts.config;
    const inPool: string[] = pool.dedicated.map(({ agent }) => agent);
    if (pool.autonomous.max > 0 || pool.autonomous.min > 0) inPool.push(pool.autonomous.agent);
    return CODING_AGENTS.filter((name) => agents[name] !== undefined || inPool.includes(name));
  }

  /** Without configured ones there is one, `default`. */
  of(agent: CodingAgentName): Account[] {
    const { profiles } = codingAgent(this.#parts.config, agent);
    const configured: readonly ChosenProfile[] = profiles.length > 0 ? profiles : [{ name: DEFAULT_PROFILE }];
    const known = this.#parts.store.profiles();
    return configured.map((profile) => {
      const record = known.get(profileKey(agent, profile.name));
      return { ...profile, ...(record && { record }) };
    });
  }

  find(agent: CodingAgentName, name: string): Account | undefined {
    return this.of(agent).find((account) => account.name === name);
  }

  /** What a person has named. */
  known(agent: string, name: string): { agent: CodingAgentName; account: Account } | Refusal {
    const agents = this.agents();
    if (!isCodingAgent(agent) || !agents.includes(agent)) {
      const there = agents.join(', ') || 'none';
      return refuse(
        'not_found',
        `no agent ${agent} with accounts is configured (there: ${there})`,
        'yardmaster profiles list',
      );
    }
    const account = this.find(agent, name);
    if (account) return { agent, account };
    const names = this.of(agent).map((one) => one.name);
    return refuse(
      'not_found',
      `${agent} has no profile ${name} (there: ${names.join(', ')})`,
      `yardmaster profiles list; they are configured in agents.${agent}.profiles`,
    );
  }

  rest({ record }: Account): ProfilePause | undefined {
    return restOf(record, this.#parts.clock.now());
  }

  view(agent: CodingAgentName, account: Account, next: ChosenProfile | ProfileWait): ProfileView {
    const { name, config_dir } = account;
    const rest = this.rest(account);
    const windows = openWindows(account.record?.windows, this.#parts.clock.now());
    const about = {
      ...{ agent, name },
      ...(config_dir !== undefined && { config_dir }),
      ...(windows.length > 0 && { windows }),
    };
    if (!rest) return { ...about, state: 'name' in next && next.name === name ? 'in_use' : 'ready' };
    const reason = rest.guessed ? `${rest.reason} (its end is not known; it is tried again then)` : rest.reason;
    return { ...about, state: 'paused', reason, ...(rest.until !== undefined && { until: rest.until }) };
  }
}
