import {
  type CallToolResult,
  type JSONRPCMessage,
  type Tool as ListedTool,
  ProtocolError,
  ProtocolErrorCode,
  parseJSONRPCMessage,
  ResourceNotFoundError,
  Server,
  type ServerContext,
  type Transport,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Message } from '../jsonrpc.ts';
import type { Resource, ResourceContext } from '../resources/resource.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { Caller, Yard } from '../runtime/yard.ts';
import type { Tool } from '../tools/tool.ts';
import { callTool, shapeOf } from './call.ts';
import type { Log } from './log.ts';
import { nearest } from './nearest.ts';
import { type UriPattern, uriPattern } from './template.ts';

/** What clients are offered. */
export interface Surface {
  readonly version: string;
  readonly tools: readonly Tool[];
  readonly resources: readonly Resource[];
  /** How the tools work together; under 2 KB. */
  readonly instructions: string;
}

export interface McpBackend {
  /** Settles when the runtime has recovered; rejects when it could not start. */
  yard(): Promise<Yard>;
  readonly log: Log;
}

/** The other end of one connection, as the session carries it. */
export interface McpLine {
  send(message: Message): void;
  ended(): void;
}

export interface McpConnection {
  deliver(message: Message): void;
  /** Tells the client which resources changed, if it subscribed to them. */
  changed(uris: readonly string[]): void;
  close(): void;
}

export interface McpHost {
  connect(caller: Promise<Caller>, line: McpLine): McpConnection;
}

/** Lists don't change while a runtime lives; a client may keep them this long. */
const LIST_TTL = { ttlMs: 300_000, cacheScope: 'private' } as const;
const MAX_COMPLETIONS = 100;

export function mcpHost(surface: Surface, backend: McpBackend): McpHost {
  const tools = surface.tools.map(listed);
  const patterns = surface.resources.map((resource) => ({ resource, pattern: uriPattern(resource.uri) }));
  return {
    connect(caller, line) {
      let offer: Offer | undefined;
      const transport = new LineTransport(line);
      const handle = serveStdio(
        ({ era }) => {
          offer = new Offer(surface, backend, caller, tools, patterns, era === 'legacy');
          return offer.server;
        },
        { transport, onerror: (error) => backend.log.debug({ error: error.message }, 'mcp') },
      );
      return {
        deliver: (message) => transport.deliver(message),
        changed: (uris) => offer?.changed(uris),
        close: () => void handle.close(),
      };
    },
  };
}

/** Hands messages between a session and the SDK. */
class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #line: McpLine;
  #closed = false;

  constructor(line: McpLine) {
    this.#line = line;
  }

  async start(): Promise<void> {}

  deliver(message: Message): void {
    try {
      this.onmessage?.(parseJSONRPCMessage(message));
    } catch (error) {
      this.onerror?.(error as Error);
    }
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#closed) this.#line.send(message as Message);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
    this.#line.ended();
  }
}

interface Pattern {
  readonly resource: Resource;
  readonly pattern: UriPattern;
}

/** What one client sees: tools, resources, completions, and the resources that it watches. */
class Offer {
  readonly server: Server;
  readonly #surface: Surface;
  readonly #backend: McpBackend;
  readonly #caller: Promise<Caller>;
  readonly #patterns: readonly Pattern[];
  readonly #watched = new Set<string>();
  readonly #legacy: boolean;

  constructor(
    surface: Surface,
    backend: McpBackend,
    caller: Promise<Caller>,
    tools: ListedTool[],
    patterns: readonly Pattern[],
    legacy: boolean,
  ) {
    this.#surface = surface;
    this.#backend = backend;
    this.#caller = caller;
    this.#patterns = patterns;
    this.#legacy = legacy;
    this.server = new Server(
      { name: 'yardmaster', title: 'Yardmaster', version: surface.version },
      {
        capabilities: { tools: {}, resources: { subscribe: true }, completions: {} },
        instructions: surface.instructions,
        cacheHints: { 'tools/list': LIST_TTL, 'resources/list': LIST_TTL, 'resources/templates/list': LIST_TTL },
      },
    );
    this.#handleTools(tools);
    this.#handleResources();
    if (legacy) this.#handleSubscriptions();
  }

  changed(uris: readonly string[]): void {
    for (const uri of uris) {
      // In the newer era the SDK knows who listens to what; in the older one we do.
      if (this.#legacy && !this.#watched.has(uri)) continue;
      this.server
        .sendResourceUpdated({ uri })
        .catch((error) => this.#backend.log.debug({ error: String(error) }, 'mcp'));
    }
  }

  #handleTools(tools: ListedTool[]): void {
    this.server.setRequestHandler('tools/list', () => ({ tools }));
    this.server.setRequestHandler('tools/call', async (request, ctx) => {
      const tool = this.#surface.tools.find(({ name }) => name === request.params.name);
      if (tool === undefined) throw unknownTool(request.params.name, tools);
      return this.#call(tool, request.params.arguments, ctx);
    });
  }

  async #call(tool: Tool, args: unknown, ctx: ServerContext): Promise<CallToolResult> {
    try {
      const yard = await this.#backend.yard();
      const caller = await this.#caller;
      const { bridge } = caller;
      const called = await callTool(
        tool,
        {
          yard,
          caller,
          signal: ctx.mcpReq.signal,
          ...(bridge === undefined ? {} : { call: `${bridge}:${JSON.stringify(ctx.mcpReq.id)}` }),
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
          'See the runtime’s log (yardmaster logs).',
        ),
      );
    }
  }

  #handleResources(): void {
    const fixed = this.#patterns.filter(({ pattern }) => !pattern.isTemplate);
    const templates = this.#patterns.filter(({ pattern }) => pattern.isTemplate);
    this.server.setRequestHandler('resources/list', () => ({
      resources: fixed.map(({ resource }) => ({ uri: resource.uri, ...described(resource) })),
    }));
    this.server.setRequestHandler('resources/templates/list', () => ({
      resourceTemplates: templates.map(({ resource }) => ({ uriTemplate: resource.uri, ...described(resource) })),
    }));
    this.server.setRequestHandler('resources/read', async (request) => this.#read(request.params.uri));
    this.server.setRequestHandler('completion/complete', async ({ params }) => {
      const { ref, argument, context } = params;
      const resource = ref.type === 'ref/resource' ? this.#byTemplate(ref.uri) : undefined;
      const complete = resource?.complete?.[argument.name];
      const values = complete ? await complete(await this.#context(), argument.value, context?.arguments ?? {}) : [];
      return { completion: { values: values.slice(0, MAX_COMPLETIONS), hasMore: values.length > MAX_COMPLETIONS } };
    });
  }

  async #read(uri: string): Promise<{ contents: { uri: string; mimeType: string; text: string }[] }> {
    for (const { resource, pattern } of this.#patterns) {
      const variables = pattern.match(uri);
      if (variables === undefined) continue;
      const result = await resource.read(await this.#context(), variables);
      if (!isRefusal(result)) return { contents: [{ uri, ...result }] };
      if (result.code === 'not_found') throw new ResourceNotFoundError(uri, `${result.message} ${result.hint}`);
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, result.message, {
        code: result.code,
        hint: result.hint,
        uri,
      });
    }
    throw new ResourceNotFoundError(uri);
  }

  #byTemplate(uri: string): Resource {
    const found = this.#patterns.find(({ resource }) => resource.uri === uri);
    if (found === undefined) throw new ResourceNotFoundError(uri, `There is no resource template ${uri}.`);
    return found.resource;
  }

  async #context(): Promise<ResourceContext> {
    return { yard: await this.#backend.yard(), caller: await this.#caller };
  }

  /** The capability alone registers nothing for clients of the older protocol. */
  #handleSubscriptions(): void {
    this.server.setRequestHandler('resources/subscribe', ({ params }) => {
      this.#watched.add(params.uri);
      return {};
    });
    this.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      this.#watched.delete(params.uri);
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

function described(resource: Resource): { name: string; title: string; description: string; mimeType: string } {
  const { name, title, description, mimeType } = resource;
  return { name, title, description, mimeType };
}

/** Clients show the model this text as it is. */
function refused({ code, message, hint }: Refusal): CallToolResult {
  return { isError: true, content: [{ type: 'text', text: JSON.stringify({ code, message, hint }) }] };
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
