import { type AuthInfo, createMcpHandler } from '@modelcontextprotocol/server';
import type { Changed, Listening, ListName } from '../../resources/audience.ts';
import type { Caller } from '../../runtime/yard.ts';
import type { Toolset } from '../../toolset.ts';
import type { Log } from '../log.ts';
import type { Known } from './bearers.ts';
import type { Serve } from './served.ts';

const MAX_SUBSCRIPTIONS = 256;

/** The newest revision: each request stands for itself, and subscriptions are streams of their own. */
export class Modern {
  readonly #callers = new WeakMap<AuthInfo, { readonly caller: Caller; readonly toolset: Toolset }>();
  #subscriptions = 0;
  readonly #handler: ReturnType<typeof createMcpHandler>;

  constructor(serve: Serve, log: Log) {
    this.#handler = createMcpHandler(
      ({ authInfo }) => {
        const known = authInfo && this.#callers.get(authInfo);
        if (known === undefined) throw new Error('a request without a caller came to MCP');
        return serve(known.caller, 'modern', known.toolset).server;
      },
      {
        legacy: 'reject',
        maxSubscriptions: MAX_SUBSCRIPTIONS,
        onerror: (error) => log.debug({ error: error.message }, 'mcp over http'),
      },
    );
  }

  answer(request: Request, body: unknown, { caller }: Known, toolset: Toolset): Promise<Response> {
    const authInfo: AuthInfo = { token: '', clientId: caller.name, scopes: [] }; // the SDK hands it through as it is
    this.#callers.set(authInfo, { caller, toolset });
    return this.#handler.fetch(request, { authInfo, parsedBody: body });
  }

  readonly changed: Changed = (uris, lists = []) => {
    const { notify } = this.#handler;
    for (const uri of uris) notify.resourceUpdated(uri);
    const say: Record<ListName, () => void> = {
      tools: () => notify.toolsChanged(),
      resources: () => notify.resourcesChanged(),
      prompts: () => notify.promptsChanged(),
    };
    for (const list of lists) say[list]();
  };

  /** Only the SDK knows what each subscription asks for. */
  get listening(): Listening {
    return this.#subscriptions > 0 ? 'resources' : 'nothing';
  }

  /** A subscription is open until the returned function is called. */
  subscribed(): () => void {
    this.#subscriptions++;
    return () => this.#subscriptions--;
  }

  close(): Promise<void> {
    return this.#handler.close();
  }
}
