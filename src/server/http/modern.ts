import { type AuthInfo, createMcpHandler } from '@modelcontextprotocol/server';
import type { Caller } from '../../runtime/yard.ts';
import type { Log } from '../log.ts';
import type { Known } from './bearers.ts';
import type { ListKind, Serve } from './served.ts';

const MAX_SUBSCRIPTIONS = 256;

/** The newest revision: each request stands for itself, and subscriptions are streams of their own. */
export class Modern {
  readonly #callers = new WeakMap<AuthInfo, Caller>();
  readonly #handler: ReturnType<typeof createMcpHandler>;

  constructor(serve: Serve, log: Log) {
    this.#handler = createMcpHandler(
      ({ authInfo }) => {
        const caller = authInfo && this.#callers.get(authInfo);
        if (caller === undefined) throw new Error('a request without a caller came to MCP');
        return serve(caller, 'modern').server;
      },
      {
        legacy: 'reject',
        maxSubscriptions: MAX_SUBSCRIPTIONS,
        onerror: (error) => log.debug({ error: error.message }, 'mcp over http'),
      },
    );
  }

  answer(request: Request, body: unknown, { caller }: Known): Promise<Response> {
    const authInfo: AuthInfo = { token: '', clientId: caller.name, scopes: [] }; // the SDK hands it through as it is
    this.#callers.set(authInfo, caller);
    return this.#handler.fetch(request, { authInfo, parsedBody: body });
  }

  changed(uris: readonly string[]): void {
    for (const uri of uris) this.#handler.notify.resourceUpdated(uri);
  }

  listChanged(kind: ListKind): void {
    const { notify } = this.#handler;
    const say = {
      tools: () => notify.toolsChanged(),
      resources: () => notify.resourcesChanged(),
      prompts: () => notify.promptsChanged(),
    };
    say[kind]();
  }

  close(): Promise<void> {
    return this.#handler.close();
  }
}
