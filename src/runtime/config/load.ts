import type { Config } from '../model/config.ts';
import { type ConfigDocument, readDocument } from './document.ts';
import { type Environment, type Override, overridesIn, overridesOf } from './environment.ts';
import type { Origin } from './origin.ts';
import { type Problem, unreadable } from './problem.ts';
import { expandHome, settle } from './settle.ts';
import { type Finding, validate } from './validate.ts';

export interface ConfigSources {
  /** The text of a file, undefined where none is. */
  read(path: string): Promise<string | undefined>;
  readonly env: Environment;
  readonly userHome: string;
  /** What the command line sets, as `section.key=value`. */
  readonly set?: readonly string[];
}

export interface LoadedConfig {
  /** Absent when a problem stands in the way: a running runtime keeps its last good one. */
  readonly config: Config | undefined;
  /** What it was read from, weakest first: files, environment variables, flags. Empty when all is default. */
  readonly from: readonly string[];
  readonly problems: readonly Problem[];
  /** What the user's file says; undefined where there is none. */
  readonly text: string | undefined;
  /** Where the value of a key comes from. */
  origin(path: readonly PropertyKey[]): Origin;
}

/** `$YARDMASTER_CONFIG`, else `yardmaster/yardmaster.yaml` in the XDG config directory. */
export function configPath(env: Environment, userHome: string): string {
  if (env.YARDMASTER_CONFIG) return expandHome(env.YARDMASTER_CONFIG, userHome);
  // The XDG rules: a relative path there counts as unset.
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : `${userHome}/.config`;
  return `${base}/yardmaster/yardmaster.yaml`;
}

/** Flag over environment over file over defaults. Nothing is taken from a configuration that is wrong anywhere. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const path = configPath(sources.env, sources.userHome);
  const text = await readOrSay(sources, path);
  if (typeof text === 'object') return unread(path, text);
  const missing = text === undefined && sources.env.YARDMASTER_CONFIG;
  const document = readDocument(text ?? '', path);
  const given = [overridesIn(sources.env), overridesOf(sources.set ?? [])];
  const overrides = given.flatMap((one) => one.overrides); // weakest first
  const from = [...(text === undefined ? [] : [path]), ...overrides.map((override) => override.from)];
  const first = [...(missing ? [notThere(path)] : []), ...document.problems, ...given.flatMap((one) => one.problems)];
  const checked = first.length > 0 ? first : check(document, overrides, sources.userHome);
  const read = { from, text, origin: originIn(document, overrides) };
  return Array.isArray(checked)
    ? { ...read, config: undefined, problems: checked }
    : { ...read, config: checked as Config, problems: [] };
}

function check(document: ConfigDocument, overrides: readonly Override[], userHome: string): Config | Problem[] {
  const place = placing(document, overrides);
  const valid = validate(overlaid(document.value, overrides));
  if ('findings' in valid) return valid.findings.map(place);
  const settled = settle(valid.config, userHome);
  return settled.findings.length > 0 ? settled.findings.map(place) : settled.config;
}

async function readOrSay(sources: ConfigSources, path: string): Promise<string | undefined | Problem> {
  try {
    return await sources.read(path);
  } catch (error) {
    return unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

function unread(path: string, problem: Problem): LoadedConfig {
  const origin = (): Origin => ({ kind: 'default' });
  return { config: undefined, from: [path], problems: [problem], text: undefined, origin };
}

function notThere(path: string): Problem {
  return { from: path, key: '', message: 'YARDMASTER_CONFIG names this file, but there is none' };
}

function overlaid(value: unknown, overrides: readonly Override[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const whole: Record<string, unknown> = { ...value };
  for (const { path, value: given } of overrides) {
    const [section, key] = path;
    if (key === undefined) {
      whole[section] = given;
      continue;
    }
    const there = whole[section];
    if (there !== undefined && (typeof there !== 'object' || there === null)) continue; // the schema says what is wrong with it
    whole[section] = { ...there, [key]: given };
  }
  return whole;
}

function originIn(document: ConfigDocument, overrides: readonly Override[]): LoadedConfig['origin'] {
  return (path) => {
    const override = overridden(overrides, path);
    if (override) return { kind: override.from.startsWith('--') ? 'flag' : 'environment', from: override.from };
    return document.has(path)
      ? { kind: 'file', from: document.from, line: document.place(path).line }
      : { kind: 'default' };
  };
}

function overridden(overrides: readonly Override[], path: readonly PropertyKey[]): Override | undefined {
  return overrides.findLast((one) => one.path[0] === path[0] && one.path[1] === path[1]);
}

/** Gives a finding its place: the variable or flag that set it, or the line of the file. */
function placing(document: ConfigDocument, overrides: readonly Override[]): (finding: Finding) => Problem {
  return ({ path, ...finding }) => {
    const override = overridden(overrides, path);
    if (override) return { from: override.from, ...finding };
    return { from: document.from, ...document.place(path), ...finding };
  };
}
