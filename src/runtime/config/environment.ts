import { parse } from 'yaml';
import type { z } from 'zod';
import { Config } from '../model/config.ts';
import type { Problem } from './problem.ts';
import { unwrap } from './validate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A scalar that the environment sets: `YARDMASTER_DISPATCHER_SCAN=10s` is `dispatcher.scan`. */
export interface Override {
  readonly variable: string;
  readonly path: readonly [section: string, key: string];
  readonly value: unknown;
}

const PREFIX = 'YARDMASTER_';

/** The overrides in the environment. A variable that names a section but none of its scalars is reported, not ignored. */
export function overridesIn(env: Environment): { overrides: Override[]; problems: Problem[] } {
  const overrides: Override[] = [];
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(env)) {
    const section = sectionOf(variable);
    if (section === undefined || text === undefined) continue;
    const key = variable.slice(PREFIX.length + section.name.length + 1).toLowerCase();
    const schema = section.scalars.get(key);
    if (schema) overrides.push({ variable, path: [section.name, key], value: scalar(text, schema) });
    else
      problems.push({
        from: variable,
        key: '',
        message: `${section.name} has no single value of this name`,
        allowed: [...section.scalars.keys()].map((name) => variableFor(section.name, name)).join(', '),
      });
  }
  return { overrides, problems };
}

export function variableFor(section: string, key: string): string {
  return `${PREFIX}${section}_${key}`.toUpperCase();
}

interface Section {
  readonly name: string;
  readonly scalars: ReadonlyMap<string, z.ZodType>;
}

function sectionOf(variable: string): Section | undefined {
  if (!variable.startsWith(PREFIX)) return undefined;
  const rest = variable.slice(PREFIX.length).toLowerCase();
  return sections().find(({ name }) => rest.startsWith(`${name}_`));
}

/** Sections of the schema with the keys in them that hold one value. */
function sections(): Section[] {
  return Object.entries(Config.shape).flatMap(([name, schema]) => {
    const shape = (unwrap(schema) as { shape?: Record<string, z.ZodType> }).shape;
    if (shape === undefined) return [];
    const scalars = Object.entries(shape).filter(([, field]) => !COMPOUND.has(kindOf(field)));
    return [{ name, scalars: new Map(scalars) }];
  });
}

const COMPOUND = new Set(['object', 'record', 'array']);

function kindOf(schema: unknown): string {
  return (unwrap(schema) as { def: { type: string } }).def.type;
}

/** Text where the key takes text, else what YAML makes of it: 5, true. */
function scalar(text: string, schema: z.ZodType): unknown {
  if (schema.safeParse(text).success) return text;
  try {
    return parse(text, { schema: 'core', maxAliasCount: 0 });
  } catch {
    return text;
  }
}
