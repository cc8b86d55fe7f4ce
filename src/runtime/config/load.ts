import type { Config } from '../model/config.ts';
import { type ConfigDocument, readDocument } from './document.ts';
import { type Environment, type Override, overridesIn } from './environment.ts';
import type { Problem } from './problem.ts';
import { expandHome, settle } from './settle.ts';
import { type Finding, validate } from './validate.ts';

export interface ConfigSources {
  /** The text of a file, undefined where none is. */
  read(path: string): Promise<string | undefined>;
  readonly env: Environment;
  readonly userHome: string;
}

export interface LoadedConfig {
  /** Absent when a problem stands in the way: a running runtime keeps its last good one. */
  readonly config: Config | undefined;
  /** What it was read from, weakest first: files and environment variables. Empty when all is default. */
  readonly from: readonly string[];
  readonly problems: readonly Problem[];
}

/** `$YARDMASTER_CONFIG`, else `yardmaster/yardmaster.yaml` in the XDG config directory. */
export function configPath(env: Environment, userHome: string): string {
  if (env.YARDMASTER_CONFIG) return expandHome(env.YARDMASTER_CONFIG, userHome);
  // The XDG rules: a relative path there counts as unset.
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : `${userHome}/.config`;
  return `${base}/yardmaster/yardmaster.yaml`;
}

/** Environment over file over defaults. Nothing is taken from a configuration that is wrong anywhere. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const path = configPath(sources.env, sources.userHome);
  const text = await readOrSay(sources, path);
  if (typeof text === 'object') return { config: undefined, from: [path], problems: [text] };
  const missing = text === undefined && sources.env.YARDMASTER_CONFIG;
  const document = readDocument(text ?? '', path);
  const { overrides, problems } = overridesIn(sources.env);
  const from = [...(text === undefined ? [] : [path]), ...overrides.map(({ variable }) => variable)];
  const first = [...(missing ? [notThere(path)] : []), ...document.problems, ...problems];
  if (first.length > 0) return { config: undefined, from, problems: first };

  const place = placing(document, overrides);
  const valid = validate(overlaid(document.value, overrides));
  if ('findings' in valid) return { config: undefined, from, problems: valid.findings.map(place) };
  const settled = settle(valid.config, sources.userHome);
  if (settled.findings.length > 0) return { config: undefined, from, problems: settled.findings.map(place) };
  return { config: settled.config, from, problems: [] };
}

async function readOrSay(sources: ConfigSources, path: string): Promise<string | undefined | Problem> {
  try {
    return await sources.read(path);
  } catch (error) {
    return { from: path, key: '', message: `can't be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function notThere(path: string): Problem {
  return { from: path, key: '', message: 'YARDMASTER_CONFIG names this file, but there is none' };
}

function overlaid(value: unknown, overrides: readonly Override[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const whole: Record<string, unknown> = { ...value };
  for (const { path, value: given } of overrides) {
    const [section, key] = path;
    const there = whole[section];
    if (there !== undefined && (typeof there !== 'object' || there === null)) continue; // the schema says what is wrong with it
    whole[section] = { ...there, [key]: given };
  }
  return whole;
}

/** Gives a finding its place: the variable that set it, or the line of the file. */
function placing(document: ConfigDocument, overrides: readonly Override[]): (finding: Finding) => Problem {
  return ({ path, ...finding }) => {
    const override = overrides.find((one) => one.path[0] === path[0] && one.path[1] === path[1]);
    if (override) return { from: override.variable, ...finding };
    return { from: document.from, ...document.place(path), ...finding };
  };
}
