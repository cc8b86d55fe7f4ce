import {
  type CallToolResult,
  type Tool as ListedTool,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { Resource, ResourceContext } from '../resources/resource.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { Caller, Yard } from '../runtime/yard.ts';
import type { Tool } from '../tools/tool.ts';
import { callTool, shapeOf } from './call.ts';
import { callName } from './call-name.ts';
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

/** The surface in the words of the protocol, made once for all clients. */
export interface Listing {
  readonly surface: Surface;
  readonly tools: ListedTool[];
  readonly patterns: readonly { readonly resource: Resource; readonly pattern: UriPattern }[];
}

export function listingOf(surface: Surface): Listing {
  const patterns = surface.resources.map((resource) => ({ resource, pattern: uriPattern(resource.uri) }));
  return { surface, tools: surface.tools.map(listed), patterns };
}

/** Lists don't change while a runtime lives; a client may keep them this long. */
const LIST_TTL = { ttlMs: 300_000, cacheScope: 'private' } as const;
const MAX_COMPLETIONS = 100;

/** What one client sees: tools, resources, completions, and the resources that it watches. */
export class Offer {
  readonly server: Server;
  readonly #listing: Listing;
  readonly #backend: McpBackend;
  readonly #caller: Promise<Caller>;
  readonly #watched = new Set<string>();
  readonly #legacy: boolean;

  constructor(listing: Listing, backend: McpBackend, caller: Promise<Caller>, legacy: boolean) {
    this.#listing = listing;
    this.#backend = backend;
    this.#caller = caller;
    this.#legacy = legacy;
    const { version, instructions } = listing.surface;
    this.server = new Server(
      { name: 'yardmaster', title: 'Yardmaster', version },
      {
        capabilities: { tools: {}, resources: { subscribe: true }, completions: {} },
        instructions,
        cacheHints: { 'tools/list': LIST_TTL, 'resources/list': LIST_TTL, 'resources/templates/list': LIST_TTL },
      },
    );
    this.#handleTools();
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

  #handleTools(): void {
    const { surface, tools } = this.#listing;
    this.server.setRequestHandler('tools/list', () => ({ tools }));
    this.server.setRequestHandler('tools/call', async (request, ctx) => {
      const tool = surface.tools.find(({ name }) => name === request.params.name);
      if (tool === undefined) throw unknownTool(request.params.name, tools);
      return this.#call(tool, request.params.arguments, request.params._meta, ctx);
    });
  }

  async #call(tool: Tool, args: unknown, meta: unknown, ctx: ServerContext): Promise<CallToolResult> {
    try {
      const yard = await this.#backend.yard();
      const caller = await this.#caller;
      const call = callName(caller, meta, ctx);
      const called = await callTool(
        tool,
        {
          yard,
          caller,
          signal: ctx.mcpReq.signal,
          ...(call === undefined ? {} : { call }),
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
    const fixed = this.#listing.patterns.filter(({ pattern }) => !pattern.isTemplate);
    const templates = this.#listing.patterns.filter(({ pattern }) => pattern.isTemplate);
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
    for (const { resource, pattern } of this.#listing.patterns) {
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
    const found = this.#listing.patterns.find(({ resource }) => resource.uri === uri);
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
