import type { ChatProvider } from '../../model/provider.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { Provider } from '../../ports.ts';

export interface ChatOptions {
  /** Where the API key's variable is looked up. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A server that speaks OpenAI's chat completions. */
export function chatProvider(id: string, _config: ChatProvider, _options: ChatOptions = {}): Provider | Refusal {
  return refuse('not_configured', `provider ${id}: openai-chat is not there yet`, 'use kind: jobs');
}
