import type { Cli } from '../cli.ts';

/** One thing that Yardmaster needs or uses. */
export type Finding =
  | { readonly name: string; readonly state: 'ok'; readonly detail: string }
  /** `missing` stands in the way, `note` only limits what can be done. */
  | { readonly name: string; readonly state: 'missing' | 'note'; readonly detail: string; readonly hint: string };

export type Check = (cli: Cli) => Finding | Promise<Finding>;

export function ok(name: string, detail: string): Finding {
  return { name, state: 'ok', detail };
}

export function missing(name: string, detail: string, hint: string): Finding {
  return { name, state: 'missing', detail, hint };
}

export function note(name: string, detail: string, hint: string): Finding {
  return { name, state: 'note', detail, hint };
}
