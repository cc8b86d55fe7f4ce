import type { Config } from '../model/config.ts';
import type { Outgoing } from '../model/outgoing.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { refuseCallback } from '../policy/callback-url.ts';
import type { Clock, Poster, TaskStore } from '../ports.ts';
import { readEnded } from '../reports/ended.ts';
import { callbackBody } from './body.ts';
import { idempotencyKey, signature } from './sign.ts';
import { type Told, verdictOn } from './verdict.ts';

export interface TellPorts {
  readonly store: Pick<TaskStore, 'get' | 'text' | 'open' | 'owns' | 'projects'>;
  readonly poster: Poster;
  readonly clock: Clock;
  /** As it is at the moment of asking. */
  readonly config: Pick<Config, 'callbacks' | 'local_only'>;
  /** Where the key is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

export type Callback = Outgoing & { readonly callback_url: string };

/** One try. What is allowed is asked anew: the task may have waited since the host was taken off the list. */
export async function tell(ports: TellPorts, callback: Callback, signal: AbortSignal): Promise<Told> {
  const { callbacks, local_only } = ports.config;
  if (local_only) return { kind: 'absent', reason: 'local_only is on' }; // switched on a moment ago
  const key = keyOf(callbacks.key_env, ports.env);
  const against = refuseCallback(callback.callback_url, callbacks) ?? (isRefusal(key) ? key : undefined);
  if (against) return { kind: 'held', reason: against.message };
  const ended = await readEnded(ports.store, callback.ref);
  if (!ended) return { kind: 'absent', reason: 'its project is away' };
  const body = callbackBody(ended, callback);
  const headers = {
    'content-type': 'application/json',
    'user-agent': `yardmaster/${ports.version}`,
    'idempotency-key': idempotencyKey(ended.task),
    ...(typeof key === 'string' && signature(body, key, ports.clock.now())),
  };
  const { private: own, timeout: timeout_ms } = callbacks;
  const order = { url: callback.callback_url, headers, body, private: own, timeout_ms };
  return verdictOn(await ports.poster.post(order, signal));
}

/** Where a key is named but not there, nothing is sent: a receiver would have to refuse it, or worse, believe it. */
function keyOf(name: string | undefined, env: TellPorts['env']): string | undefined | Refusal {
  if (name === undefined) return undefined;
  return (
    env[name]?.trim() ||
    refuse('not_configured', `callbacks.key_env: the variable ${name} is not set in the runtime`, 'set it and restart')
  );
}
