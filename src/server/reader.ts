import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';
import type { ListedResource, Resource, ResourceContext } from '../resources/resource.ts';
import { isRefusal } from '../runtime/model/refusal.ts';
import { refuseProject } from '../tools/rights.ts';
import { type UriPattern, uriPattern } from './template.ts';

export interface Patterned {
  readonly resource: Resource;
  readonly pattern: UriPattern;
}

export function patternsOf(resources: readonly Resource[]): readonly Patterned[] {
  return resources.map((resource) => ({ resource, pattern: uriPattern(resource.uri) }));
}

interface Described {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly mimeType: string;
}

/** The resources in the words of the protocol. */
export class Reader {
  readonly #patterns: readonly Patterned[];
  readonly #context: () => Promise<ResourceContext>;

  constructor(patterns: readonly Patterned[], context: () => Promise<ResourceContext>) {
    this.#patterns = patterns;
    this.#context = context;
  }

  /** The fixed addresses, then those of templates that are there now. */
  async list(): Promise<(Described & { uri: string })[]> {
    const fixed = this.#patterns.filter(({ pattern }) => !pattern.isTemplate);
    const listing = this.#patterns.filter(({ resource }) => resource.list !== undefined);
    const ctx = listing.length > 0 ? await this.#context() : undefined;
    const found = await Promise.all(
      listing.map(async ({ resource }) => {
        const listed = ctx && resource.list ? await resource.list(ctx) : [];
        return listed.map((one: ListedResource) => ({ ...described(resource), ...one }));
      }),
    );
    return [...fixed.map(({ resource }) => ({ uri: resource.uri, ...described(resource) })), ...found.flat()];
  }

  templates(): (Described & { uriTemplate: string })[] {
    return this.#patterns
      .filter(({ pattern }) => pattern.isTemplate)
      .map(({ resource }) => ({ uriTemplate: resource.uri, ...described(resource) }));
  }

  async read(uri: string): Promise<{ contents: { uri: string; mimeType: string; text: string }[] }> {
    const found = this.find(uri);
    if (found === undefined) throw new ResourceNotFoundError(uri);
    const { resource, variables } = found;
    const result = await resource.read(await this.#context(), variables);
    if (!isRefusal(result)) return { contents: [{ uri, ...result }] };
    const { code, message, hint } = result;
    if (code === 'not_found') throw new ResourceNotFoundError(uri, `${message} ${hint}`);
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, message, { code, hint, uri });
  }

  /** Which resource has this address. */
  find(uri: string): (Patterned & { variables: Record<string, string> }) | undefined {
    for (const { resource, pattern } of this.#patterns) {
      const variables = pattern.match(uri);
      if (variables !== undefined) return { resource, pattern, variables };
    }
    return undefined;
  }

  byTemplate(uri: string): Resource {
    const found = this.#patterns.find(({ resource }) => resource.uri === uri);
    if (found === undefined) throw new ResourceNotFoundError(uri, `There is no resource template ${uri}.`);
    return found.resource;
  }
}

/**
 * The one name that changes of an address are told under: a project by its name, encoded as ours are. Undefined for
 * what the caller may not look at.
 */
export function nameOf(uri: string, reader: Reader, ctx: ResourceContext | undefined): string | undefined {
  const found = reader.find(uri);
  if (!found?.pattern.isTemplate) return uri;
  const { pattern, variables } = found;
  const { project } = variables;
  const known = ctx?.yard.store.projects().find(({ id, name, path }) => [id, name, path].includes(project ?? ''));
  if (ctx === undefined || known === undefined) return pattern.fill(variables);
  return refuseProject(ctx, known.id) === undefined ? pattern.fill({ ...variables, project: known.name }) : undefined;
}

function described(resource: Resource): Described {
  const { name, title, description, mimeType } = resource;
  return { name, title, description, mimeType };
}
