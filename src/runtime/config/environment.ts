import { parse } from 'yaml';
import type { z } from 'zod';
import { Config } from '../model/config.ts';
import type { Problem } from './problem.ts';
import { unwrap } from './validate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A single value that beats all files: `YARDMASTER_DISPATCHER_SCAN=10s`, or `--set dispatcher.scan=10s`. What stands in no
 * section goes by its name alone: `YARDMASTER_LOCAL_ONLY=true`.
 */
export interface Override {
  /** The variable or the flag, as people write it. */
  readonly from: string;
  readonly path: readonly [section: string, key: string] | readonly [key: string];
  readonly value: unknown;
}

const PREFIX = 'YARDMASTER_';

interface Overrides {
  readonly overrides: readonly Override[];
  readonly problems: readonly Problem[];
}

/** The overrides in the environment. A variable that names a section but none of its scalars is reported, not ignored. */
export function overridesIn(env: Environment): Overrides {
  return gathered(
    Object.entries(env).flatMap(([variable, text]) => {
      if (text === undefined || !variable.startsWith(PREFIX)) return [];
      const alone = readAlone(variable.slice(PREFIX.length).toLowerCase(), text, variable);
      if (alone) return [alone];
      const section = sectionOf(variable);
      if (section === undefined) return [];
      const key = variable.slice(PREFIX.length + section.name.length + 1).toLowerCase();
      return [read(section, key, text, variable, (name) => variableFor(section.name, name))];
    }),
  );
}

/** What `--set section.key=value` says. */
export function overridesOf(flags: readonly string[]): Overrides {
  return gathered(
    flags.map((flag) => {
      const [, name, key, text] = /^([a-z_]+)\.([a-z_]+)=(.*)$/s.exec(flag) ?? [];
      const from = `--set ${flag.split('=')[0]}`;
      const [, single = '', given = ''] = /^([a-z_]+)=(.*)$/s.exec(flag) ?? [];
      const alone = readAlone(single, given, from);
      if (alone) return alone;
      const section = sections().find((one) => one.name === name);
      if (section && key !== undefined && text !== undefined)
        return read(section, key, text, from, (one) => `${section.name}.${one}`);
      const allowed = `section.key=value with one of the sections ${sections()
        .map(({ name }) => name)
        .join(', ')}`;
      return { from, key: '', message: 'is not usable', allowed };
    }),
  );
}

export function variableFor(section: string, key: string): string {
  return `${PREFIX}${section}_${key}`.toUpperCase();
}

/** A key of the configuration that is a single value itself. */
function readAlone(name: string, text: string, from: string): Override | Problem | undefined {
  const schema = Object.hasOwn(Config.shape, name) ? Config.shape[name as keyof Config] : undefined;
  if (!schema || COMPOUND.has(kindOf(schema))) return undefined;
  if (FILES_ONLY.has(name))
    return { from, key: '', message: 'is not taken from here', allowed: `${name} in yardmaster.yaml` };
  return { from, path: [name], value: scalar(text, schema) };
}

function read(
  { name, scalars }: Section,
  key: string,
  text: string,
  from: string,
  shown: (key: string) => string,
): Override | Problem {
  const schema = scalars.get(key);
  if (schema) return { from, path: [name, key], value: scalar(text, schema) };
  const allowed = [...scalars.keys()].map(shown).join(', ');
  return { from, key: '', message: `${name} has no single value of this name`, allowed };
}

function gathered(found: readonly (Override | Problem)[]): Overrides {
  return {
    overrides: found.filter((one): one is Override => 'path' in one),
    problems: found.filter((one): one is Problem => 'message' in one),
  };
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

/** What lets agents do more is written down by a person: an agent may have made this environment. */
const FILES_ONLY = new Set(['orchestrator_may_answer']);

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
