import { join } from 'node:path';

/* Where Codex 0.169.0 keeps things. */

export interface Account {
  readonly config_dir?: string;
  readonly home: string;
}

export function configDir({ config_dir, home }: Account): string {
  return config_dir ?? join(home, '.codex');
}

export function sessionsDir(account: Account): string {
  return join(configDir(account), 'sessions');
}

/**
 * Where it would be by its name alone. Codex puts the day and the time in front and names the conversation itself, so the
 * file is known from its reports; this one is never there.
 */
export function rolloutFile({ conversation, ...account }: Account & { readonly conversation: string }): string {
  return join(sessionsDir(account), `rollout-${conversation}.jsonl`);
}

const ID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/;

export function conversationOf(rollout: string): string | undefined {
  return ID.exec(rollout)?.[1];
}
