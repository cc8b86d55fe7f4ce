import type { Refusal } from '../runtime/model/refusal.ts';
import type { Caller, Yard } from '../runtime/yard.ts';

export interface ResourceContext {
  readonly yard: Yard;
  readonly caller: Caller;
}

export interface ResourceText {
  readonly mimeType: 'text/markdown' | 'application/json';
  readonly text: string;
}

/** One address of a template that is there now. */
export interface ListedResource {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
}

/** A fixed address, or a template with `{variables}` and what completes each. */
export interface Resource {
  readonly name: string;
  readonly uri: string; // `queue://inbox` or `task://{project}/{id}`
  readonly title: string;
  readonly description: string;
  readonly mimeType: ResourceText['mimeType'];
  read(ctx: ResourceContext, variables: Readonly<Record<string, string>>): Promise<ResourceText | Refusal>;
  /** Those addresses of a template that are worth listing. */
  list?(ctx: ResourceContext): Promise<readonly ListedResource[]>;
  /** Up to 100 values that begin with what was typed. `given` holds the variables that are already known. */
  readonly complete?: Readonly<
    Record<
      string,
      (ctx: ResourceContext, typed: string, given: Readonly<Record<string, string>>) => Promise<readonly string[]>
    >
  >;
}
