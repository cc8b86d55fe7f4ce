import type { z } from 'zod';
import { Config, ProjectConfig } from '../model/config.ts';
import { durationText } from '../model/duration.ts';
import { needsRestart } from './difference.ts';
import type { LoadedConfig } from './load.ts';
import type { Origin } from './origin.ts';
import { keyOfPath } from './problem.ts';
import { type LoadedProject, overlayProject } from './project.ts';
import { isDuration, schemaAt, unwrap } from './validate.ts';

/** One value of the configuration, and where it comes from. */
export interface Explained {
  readonly key: string;
  /** As the file would say it. Undefined: not set, and without a default. */
  readonly value: unknown;
  readonly origin: Origin;
  readonly meaning?: string;
  /** May a project's own file say it? */
  readonly project_may_set: boolean;
  readonly needs_restart: boolean;
}

type Path = readonly PropertyKey[];

/** Every value in force; with a project, as it counts for that project's tasks. */
export function explain({ config, origin }: LoadedConfig, own?: LoadedProject): Explained[] {
  if (!config) return [];
  const fixed = (path: Path): boolean => ['environment', 'flag'].includes(origin(path).kind);
  const effective = own?.config ? overlayProject(config, own.config, fixed) : config;
  const of = (path: Path): Origin => (fixed(path) ? undefined : own?.config && own.origin(path)) ?? origin(path);
  const rows = leaves(effective, Config, []).map(({ path, value }) => row(path, value, of(path), Config));
  return [...rows, ...ownOnly(own)];
}

/** The keys of an empty configuration. */
export function configKeys(): string[] {
  return leaves(Config.parse({}), Config, []).map(({ path }) => keyOfPath(path));
}

/** The rows of a key: itself, and what lies below it. */
export function rowsOf(rows: readonly Explained[], key: string): Explained[] {
  return rows.filter((one) => one.key === key || one.key.startsWith(`${key}.`) || one.key.startsWith(`${key}[`));
}

/** What only a project's file has: `max_running` and `shared_checkout` of the project itself. */
function ownOnly(own: LoadedProject | undefined): Explained[] {
  return ['max_running', 'shared_checkout'].flatMap((key) => {
    const origin = own?.origin([key]);
    const value = own?.config?.[key as keyof ProjectConfig];
    return origin && value !== undefined ? [row([key], value, origin, ProjectConfig)] : [];
  });
}

function row(path: Path, value: unknown, origin: Origin, schema: z.ZodType): Explained {
  const key = keyOfPath(path);
  const meaning = schemaAt(schema, path)?.description;
  const project_may_set = schemaAt(ProjectConfig, path) !== undefined;
  const said = typeof value === 'number' && isDuration(schemaAt(schema, path)) ? durationText(value) : value;
  return { key, value: said, origin, ...(meaning && { meaning }), project_may_set, needs_restart: needsRestart(key) };
}

/** The values that have no keys of their own: single ones, lists of them, and what is empty. */
function leaves(value: unknown, schema: z.ZodType | undefined, path: Path): { path: Path; value: unknown }[] {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object'))
    return value.flatMap((item, n) => leaves(item, schema && schemaAt(schema, [n]), [...path, n]));
  const shape = (unwrap(schema) as { shape?: object } | undefined)?.shape ?? {};
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  const keys = isMap ? [...new Set([...Object.keys(shape), ...Object.keys(value)])] : [];
  if (keys.length === 0) return [{ path, value }];
  return keys.flatMap((key) =>
    leaves((value as Record<string, unknown>)[key], schema && schemaAt(schema, [key]), [...path, key]),
  );
}
