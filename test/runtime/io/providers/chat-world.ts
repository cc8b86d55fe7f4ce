import { chatProvider } from '../../../../src/runtime/io/providers/chat.ts';
import { ChatProvider } from '../../../../src/runtime/model/provider.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { Provider } from '../../../../src/runtime/ports.ts';
import { KEYS, type ProviderFault, type ProviderWorld } from '../../../conformance/provider.ts';
import { type ChatFault, ChatService } from '../../../fakes/chat-service.ts';

/** A chat provider on this address, with what the configuration says beside it. */
export function chat(
  url: string,
  config: Record<string, unknown> = {},
  options: Parameters<typeof chatProvider>[2] = {},
): Provider {
  const settings = ChatProvider.parse({ kind: 'openai-chat', base_url: url, model: 'small', ...config });
  const provider = chatProvider('fake', settings, options);
  if (isRefusal(provider)) throw new Error(provider.message);
  return provider;
}

/** For the conformance suites; */
export async function chatWorld(): Promise<ProviderWorld> {
  const service = await ChatService.start({ key: KEYS.right, hold: true });
  const spoilt = new Set<unknown>();
  let bodies: ChatFault[] = [];
  let stopped = false;
  const stop = async () => {
    if (!stopped) await service.close();
    stopped = true;
  };
  return {
    async provider({ timeout_ms = 5_000, key = 'right' } = {}) {
      const config = { timeout: timeout_ms / 1_000, stall: timeout_ms / 1_000, key_env: 'FAKE_KEY' };
      return chat(service.url, config, { env: { FAKE_KEY: KEYS[key] }, max_bytes: 100_000 });
    },
    prompts: () => service.requests.filter(({ taken }) => taken).map(({ prompt }) => prompt),
    requests: () => service.requests.length,
    finish(prompt, as, words) {
      const request = service.requests.find((given) => given.taken && given.prompt === prompt);
      if (!request) throw new Error(`the fake was not asked: ${prompt}`);
      if (bodies.length > 0) spoilt.add(request);
      bodies = [];
      if (spoilt.has(request)) return; // it ends, or does not, as it was told before
      if (as === 'failed') service.fail(request, { message: words });
      else service.finish(request, words);
    },
    fault(at, fault) {
      const translated = at === 'submit' ? head(fault) : body(fault);
      if (at === 'result') bodies.push(translated);
      service.fault(translated);
    },
    stop,
    connections: () => service.connections(),
    close: stop,
  };
}

function head(fault: ProviderFault): ChatFault {
  switch (fault.kind) {
    case 'http': {
      const headers = fault.retry_after === undefined ? {} : { 'retry-after': fault.retry_after };
      return { kind: 'status', code: fault.code, headers, ...(fault.body !== undefined && { body: fault.body }) };
    }
    case 'drop':
      return { kind: 'drop' };
    case 'stall':
      return { kind: 'silence' };
    case 'redirect':
      return { kind: 'redirect', code: fault.code, to: 'http://169.254.169.254/latest/meta-data/' };
    default:
      throw new Error(`a head can't be ${fault.kind}`);
  }
}

function body(fault: ProviderFault): ChatFault {
  switch (fault.kind) {
    case 'drop':
      return { kind: 'breaks', after: 'so far' };
    case 'stall':
      return { kind: 'stalls', after: 'so far' };
    case 'drip':
      return { kind: 'stalls', after: 'so far', pings: true };
    case 'malformed':
      return { kind: 'bytes', taken: true, pieces: ['data: {"choices": [{"del\n\n'] };
    case 'huge':
      return { kind: 'huge', bytes: 5_000_000 };
    default:
      throw new Error(`a body can't be ${fault.kind}`);
  }
}
