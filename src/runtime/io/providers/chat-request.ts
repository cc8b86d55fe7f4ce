import { createHash } from 'node:crypto';
import type { ChatProvider } from '../../model/provider.ts';
import type { JobOrder } from '../../ports.ts';

/** The task's own word, else what the AI that it prefers is called here, else the usual one. */
export function modelFor(config: ChatProvider, { model, preferred_ai }: JobOrder): string {
  if (model !== undefined) return model;
  const named = preferred_ai !== undefined && Object.hasOwn(config.models, preferred_ai);
  return (named ? config.models[preferred_ai] : undefined) ?? config.model;
}

/** `parameters` may add keys and change `stream_options` (null leaves it out), but never what is asked, nor how it comes. */
export function requestBody(config: ChatProvider, order: JobOrder, usage: 'asked' | 'unasked'): string {
  const { stream_options = { include_usage: true }, ...parameters } = config.parameters;
  const system = config.system === undefined ? [] : [{ role: 'system', content: config.system }];
  return JSON.stringify({
    ...parameters,
    ...(config.stream && usage === 'asked' && stream_options !== null && { stream_options }),
    model: modelFor(config, order),
    messages: [...system, { role: 'user', content: order.prompt }],
    stream: config.stream,
  });
}

/** Follows from the key, so that a job is known again by it; after a restart nobody knows it, and that is true. */
export function jobIdOf(key: string): string {
  return `chat-${createHash('sha256').update(key).digest('hex').slice(0, 20)}`;
}
