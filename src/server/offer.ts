import { setImmediate } from 'node:timers/promises';
import {
  type CallToolResult,
  type Tool as ListedTool,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { idKey, isId, type Message } from '../jsonrpc.ts';
import type { Prompt } from '../prompts/prompt.ts';
import type { Listening, ListName } from '../resources/audience.ts';
import type { Resource, ResourceContext } from '../resources/resource.ts';
import { nearest } from '../runtime/model/nearest.ts';
import { type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { Caller, Yard } from '../runtime/yard.ts';
import type { Progress, Tool, ToolContext } from '../tools/tool.ts';
import type { Toolset } from '../toolset.ts';
import { callTool, shapeOf } from './call.ts';
import { callName } from './call-name.ts';
import { type Lists, printOf } from './lists.ts';
import type { Log } from './log.ts';
import { argumentOf, getPrompt, listedPrompt } from './prompter.ts';
import { nameOf, type Patterned, patternsOf, Reader } from './reader.ts';
import { grantedIn, Subscriptions } from './subscriptions.ts';
import { Telling } from './telling.ts';

/** What clients are offered. */
export interface Surface {
  readonly version: string;
  readonly tools: readonly Tool[];
  readonly resources: readonly Resource[];
  readonly prompts: readonly Prompt[];
  /** How the tools work together; under 2 KB. */
  readonly instructions: string;
}

export interface McpBackend {
  /** Settles when the runtime has recovered; rejects when it could not start. */
  yard(): Promise<Yard>;
  readonly log: Log;
}

/** The surface in the words of the protocol, made once for all clients. */
export interface Listing {
  readonly surface: Surface;
  readonly tools: ListedTool[];
  readonly prompts: ReturnType<typeof listedPrompt>[];
  readonly patterns: readonly Patterned[];
}

export type Surfaces = Readonly<Record<Toolset, Surface>>;
export type Listings = Readonly<Record<Toolset, Listing>>;

export function listingsOf(surfaces: Surfaces): Listings {
  return { default: listingOf(surfaces.default), worker: listingOf(surfaces.worker) };
}

export function listingOf(surface: Surface): Listing {
  const { tools, resources, prompts } = surface;
  return { surface, tools: tools.map(listed), prompts: prompts.map(listedPrompt), patterns: patternsOf(resources) };
}

/** What a connection wants to know of its client. */
export interface OfferOptions {
  /** It has said that it listens: what it missed can be told now. */
  readonly greeted?: () => void;
  /** It heard of changes from another runtime before: of each address that it subscribes to it is told at once. */
  readonly resumed?: boolean;
  /** Whether the client does not read what it was sent. Where nobody can tell, events are not sent as messages. */
  readonly congested?: () => boolean;
}

/** Lists change seldom, and whoever listens is told; a client may keep them this long. */
const LIST_TTL = { ttlMs: 300_000, cacheScope: 'private' } as const;
/** A project that was adopted is listed; a client that does not listen should come to see it. */
const RESOURCES_TTL = { ttlMs: 30_000, cacheScope: 'private' } as const;
const MAX_COMPLETIONS = 100;
const MAX_SUBSCRIPTIONS = 1_000;

/** What one client sees: tools, resources, prompts, completions, and the changes that it asked to hear of. */
export class Offer {
  readonly server: Server;
  readonly #listing: Listing;
  readonly #backend: McpBackend;
  readonly #caller: Promise<Caller>;
  readonly #reader: Reader;
  readonly #subscriptions = new Subscriptions((uri) => nameOf(uri, this.#reader, this.#known));
  readonly #legacy: boolean;
  readonly #options: OfferOptions;
  #known: ResourceContext | undefined;
  #yard: Yard | undefined;
  #greeted = false;
  #listed = false;
  #telling: Telling | undefined;
  #ended = false;

  constructor(
    listing: Listing,
    backend: McpBackend,
    caller: Promise<Caller>,
    legacy: boolean,
    options: OfferOptions = {},
  ) {
    this.#listing = listing;
    this.#backend = backend;
    this.#caller = caller;
    this.#legacy = legacy;
    this.#options = options;
    this.#reader = new Reader(listing.patterns, () => this.#context());
    const { version, instructions } = listing.surface;
    this.server = new Server(
      { name: 'yardmaster', title: 'Yardmaster', version },
      {
        capabilities: {
          tools: { listChanged: true },
          resources: { subscribe: true, listChanged: true },
          prompts: { listChanged: true },
          completions: {},
          ...(legacy && options.congested && { logging: {} }),
        },
        instructions,
        cacheHints: {
          'tools/list': LIST_TTL,
          'resources/list': RESOURCES_TTL,
          'resources/templates/list': LIST_TTL,
          'prompts/list': LIST_TTL,
        },
      },
    );
    this.server.oninitialized = () => this.#greet();
    backend.yard().then(
      (yard) => this.#recovered(yard),
      () => undefined, // whoever calls something is told
    );
    this.#handleTools();
    this.#handleResources();
    this.#handlePrompts();
    if (legacy) this.#handleSubscriptions();
    if (legacy && options.congested) this.#handleLogging(options.congested);
  }

  /** Tells the client, as far as it asked: in the newer era the SDK knows who listens to what, in the older one we do. */
  changed(uris: readonly string[], lists: readonly ListName[] = []): void {
    if (this.#legacy && !this.#greeted) return; // it knows nothing yet
    for (const uri of this.#subscriptions.among(uris)) this.#tell(this.server.sendResourceUpdated({ uri }));
    for (const list of lists) this.#tell(this.#listChanged(list));
  }

  /** What anybody would have to work out for this client. */
  get listening(): Listening {
    return this.#subscriptions.size > 0 ? 'resources' : 'lists';
  }

  /** Its lists as they are now. */
  async lists(): Promise<Lists> {
    const { prompts } = this.#listing;
    await this.#context();
    return { tools: printOf(this.#tools()), resources: printOf(await this.#reader.list()), prompts: printOf(prompts) };
  }

  /** A message that went to the client: subscriptions of the newer protocol are granted by the SDK. */
  sent(message: Message): void {
    const granted = grantedIn(message);
    if (granted === undefined) return;
    this.#subscribe(granted.id, granted.uris);
    this.#greet();
  }

  /** A message that came from the client: it may end such a subscription. */
  received({ method, params }: Message): void {
    if (method === 'notifications/cancelled' && isId(params?.requestId))
      this.#subscriptions.remove(idKey(params.requestId));
  }

  /** The client has gone. */
  end(): void {
    this.#ended = true;
    this.#telling?.stop();
  }

  #greet(): void {
    this.#greeted = true;
    this.#options.greeted?.();
  }

  #subscribe(by: string, uris: readonly string[]): void {
    this.#subscriptions.add(by, uris);
    this.#context().catch(() => undefined); // by the time that something changes, names are known
    if (this.#options.resumed) for (const uri of uris) this.#tell(this.server.sendResourceUpdated({ uri }));
  }

  #listChanged(list: ListName): Promise<void> {
    switch (list) {
      case 'tools':
        return this.server.sendToolListChanged();
      case 'resources':
        return this.server.sendResourceListChanged();
      case 'prompts':
        return this.server.sendPromptListChanged();
    }
  }

  #tell(sending: Promise<void>): void {
    sending.catch((error) => this.#backend.log.debug({ error: String(error) }, 'mcp'));
  }

  #handleTools(): void {
    const { surface, tools } = this.#listing;
    this.server.setRequestHandler('tools/list', async () => {
      await Promise.race([this.#backend.yard().catch(() => undefined), setImmediate()]); // a recovery is not waited for
      this.#listed = true;
      return { tools: this.#tools() };
    });
    this.server.setRequestHandler('tools/call', async (request, ctx) => {
      const tool = surface.tools.find(({ name }) => name === request.params.name);
      if (tool === undefined) throw unknownTool(request.params.name, tools);
      return this.#call(tool, request.params.arguments, ctx);
    });
  }

  /** As the configuration wants them; before that is known, as carefully as can be. */
  #tools(): ListedTool[] {
    const { tools, surface } = this.#listing;
    const config = this.#yard?.config;
    if (config === undefined) return tools;
    return tools.map((tool, at) => {
      const meta = surface.tools[at]?.metaFor?.(config);
      return meta === undefined ? tool : { ...tool, _meta: { ...meta } };
    });
  }

  #recovered(yard: Yard): void {
    this.#yard = yard;
    const { tools } = this.#listing;
    if (this.#listed && printOf(this.#tools()) !== printOf(tools)) this.changed([], ['tools']);
  }

  async #call(tool: Tool, args: unknown, ctx: ServerContext): Promise<CallToolResult> {
    try {
      const yard = await this.#backend.yard();
      const caller = await this.#caller;
      const call = callName(caller, { tool: tool.name, args }, ctx);
      const called = await callTool(
        tool,
        {
          yard,
          caller,
          signal: ctx.mcpReq.signal,
          ...(call === undefined ? {} : { call }),
          ...this.#progress(ctx),
        },
        args,
      );
      if (called.kind === 'refused') return refused(called.refusal);
      return { content: [{ type: 'text', text: JSON.stringify(called.value) }], structuredContent: called.value };
    } catch (error) {
      if (!ctx.mcpReq.signal.aborted)
        this.#backend.log.error({ tool: tool.name, error: stackOf(error) }, 'a tool failed');
      return refused(
        refuse(
          'unavailable',
          `${tool.name} failed: ${(error as Error).message}`,
          'See the runtime’s log: logs/runtime.log in its home (yardmaster status names it).',
        ),
      );
    }
  }

  /** For a client that gave a token. It goes the way of the answer, and before it. */
  #progress({ mcpReq, http }: ServerContext): Pick<ToolContext, 'progress'> {
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken === undefined || waitsForEver(http)) return {};
    const progress = (step: Progress): void => {
      mcpReq
        .notify({ method: 'notifications/progress', params: { progressToken, ...step } })
        .catch((error) => this.#backend.log.debug({ error: String(error) }, 'mcp'));
    };
    return { progress };
  }

  #handleResources(): void {
    const reader = this.#reader;
    this.server.setRequestHandler('resources/list', async () => ({ resources: await reader.list() }));
    this.server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: reader.templates() }));
    this.server.setRequestHandler('resources/read', ({ params }) => reader.read(params.uri));
  }

  #handlePrompts(): void {
    const { prompts, surface } = this.#listing;
    this.server.setRequestHandler('prompts/list', () => ({ prompts }));
    this.server.setRequestHandler('prompts/get', ({ params }) =>
      getPrompt(surface.prompts, () => this.#context(), params),
    );
    this.server.setRequestHandler('completion/complete', async ({ params: { ref, argument, context } }) => {
      const complete =
        ref.type === 'ref/resource'
          ? this.#reader.byTemplate(ref.uri).complete?.[argument.name]
          : argumentOf(surface.prompts, ref.name, argument.name)?.complete;
      const values = complete ? await complete(await this.#context(), argument.value, context?.arguments ?? {}) : [];
      return { completion: { values: values.slice(0, MAX_COMPLETIONS), hasMore: values.length > MAX_COMPLETIONS } };
    });
  }

  async #context(): Promise<ResourceContext> {
    this.#known ??= { yard: await this.#backend.yard(), caller: await this.#caller };
    return this.#known;
  }

  /** The SDK's own remembers a level, and sends to whoever has not set one. */
  #handleLogging(congested: () => boolean): void {
    this.server.setRequestHandler('logging/setLevel', async ({ params: { level } }) => {
      const { yard, caller } = await this.#context();
      const failed = (error: unknown) => this.#backend.log.debug({ error: String(error) }, 'mcp');
      if (this.#telling) this.#telling.level = level;
      else if (!this.#ended)
        this.#telling = new Telling({ server: this.server, yard, caller, congested, failed }, level);
      return {};
    });
  }

  /** The capability alone registers nothing for clients of the older protocol. */
  #handleSubscriptions(): void {
    this.server.setRequestHandler('resources/subscribe', ({ params: { uri } }) => {
      if (this.#reader.find(uri) === undefined) throw new ResourceNotFoundError(uri);
      if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
        const reason = `A client can subscribe to ${MAX_SUBSCRIPTIONS} addresses. Subscribe to queue://inbox instead of each task.`;
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, reason);
      }
      this.#subscribe(uri, [uri]);
      return {};
    });
    this.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      this.#subscriptions.remove(params.uri);
      return {};
    });
  }
}

function listed(tool: Tool): ListedTool {
  const { input, output } = shapeOf(tool);
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: input as ListedTool['inputSchema'],
    outputSchema: output as NonNullable<ListedTool['outputSchema']>,
    annotations: { title: tool.title, ...tool.hints },
    ...(tool.meta === undefined ? {} : { _meta: { ...tool.meta } }),
  };
}

/** Clients show the model this text as it is. */
function refused({ code, message, hint, retry_after_seconds }: Refusal): CallToolResult {
  const refusal = { code, message, hint, retry_after_seconds };
  return { isError: true, content: [{ type: 'text', text: JSON.stringify(refusal) }] };
}

function unknownTool(name: string, tools: readonly ListedTool[]): ProtocolError {
  const names = tools.map((tool) => tool.name);
  const near = nearest(name, names);
  const hint = near === undefined ? `There are: ${names.join(', ')}.` : `Did you mean ${near}?`;
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool ${name.slice(0, 80)}. ${hint}`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/**
 * Claude Code (2.1.329) over HTTP: an answer that has begun as a stream and is cut off, because the runtime was killed, is
 * waited for until the tool's time-out, which is hours. Without progress the answer comes whole, and a connection that
 * breaks before it is an error that its model hears of at once.
 */
function waitsForEver(http: ServerContext['http']): boolean {
  return http?.req?.headers.get('user-agent')?.startsWith('claude-code/') === true;
}
