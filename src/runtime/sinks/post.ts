import { signature } from '../callbacks/sign.ts';
import { type Told, verdictOn } from '../callbacks/verdict.ts';
import type { WebhookSink } from '../model/sink.ts';
import type { Clock, Poster } from '../ports.ts';
import type { Environment } from '../runs/environment.ts';

export interface PostPorts {
  readonly poster: Poster;
  readonly clock: Clock;
  /** Where keys are looked up. */
  readonly env: Environment;
  readonly version: string;
}

/** `refuses`: it does not take these events; others it may. */
export type Answer = Told & { readonly refuses?: true };

const REFUSES: ReadonlySet<number> = new Set([400, 413, 422]);

/** One try to tell a batch. */
export async function post(ports: PostPorts, sink: WebhookSink, body: string, signal: AbortSignal): Promise<Answer> {
  const key = sink.key_env === undefined ? undefined : ports.env[sink.key_env]?.trim();
  if (sink.key_env !== undefined && !key)
    return { kind: 'held', reason: `key_env: the variable ${sink.key_env} is not set in the runtime` };
  const headers = {
    'content-type': 'application/json',
    'user-agent': `yardmaster/${ports.version}`,
    ...(key !== undefined && signature(body, key, ports.clock.now())),
  };
  const order = { url: sink.url, headers, body, private: sink.private, timeout_ms: sink.timeout };
  const end = await ports.poster.post(order, signal);
  const told = verdictOn(end);
  return end.kind === 'answer' && REFUSES.has(end.status) ? { ...told, refuses: true } : told;
}
