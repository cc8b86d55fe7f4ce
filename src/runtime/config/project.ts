import { join } from 'node:path';
import type { Config, ProjectConfig } from '../model/config.ts';
import type { RetryClasses } from '../model/retry.ts';
import { readDocument } from './document.ts';
import type { Origin } from './origin.ts';
import { type Problem, unreadable } from './problem.ts';
import { validateProject } from './validate.ts';

/** A project's own file, beside its code, where everyone who works on it sees it. */
export function projectConfigPath(project: string): string {
  return join(project, 'yardmaster.yaml');
}

/** What a file says; undefined where there is none. */
export type Text = string | undefined | { readonly error: string };

export interface LoadedProject {
  /** Absent when the file is wrong anywhere. */
  readonly config: ProjectConfig | undefined;
  readonly problems: readonly Problem[];
  /** Where the file says something for a key; undefined where it does not. */
  origin(path: readonly PropertyKey[]): Origin | undefined;
}

export function readProject(text: Text, from: string): LoadedProject {
  if (typeof text === 'object')
    return { config: undefined, problems: [unreadable(from, text.error)], origin: () => undefined };
  const document = readDocument(text ?? '', from);
  const origin = (path: readonly PropertyKey[]): Origin | undefined =>
    document.has(path) ? { kind: 'project', from, line: document.place(path).line } : undefined;
  if (document.problems.length > 0) return { config: undefined, problems: document.problems, origin };
  const valid = validateProject(document.value);
  if ('config' in valid) return { config: valid.config, problems: [], origin };
  const problems = valid.findings.map(({ path, ...finding }) => ({ from, ...document.place(path), ...finding }));
  return { config: undefined, problems, origin };
}

/** Sections of which a project may say some keys. */
const SECTIONS = ['models', 'headless', 'retry', 'prompt'] as const;

/** The user's configuration as it counts in one project; `fixed` keys were set by the environment or a flag. */
export function overlayProject(
  user: Config,
  project: ProjectConfig,
  fixed: (path: readonly [string, string]) => boolean,
): Config {
  const whole: Record<string, unknown> = { ...user };
  for (const section of SECTIONS) {
    const said = Object.entries(project[section] ?? {}).filter(
      ([key, value]) => value !== undefined && !fixed([section, key]),
    );
    if (said.length > 0) whole[section] = { ...user[section], ...Object.fromEntries(said) };
  }
  const classes = project.retry?.classes;
  if (classes) whole.retry = { ...(whole.retry as Config['retry']), classes: overlaid(user.retry.classes, classes) };
  return whole as Config;
}

/** Key by key: what the project does not say of a class stays the user's. */
function overlaid(
  user: RetryClasses,
  project: NonNullable<NonNullable<ProjectConfig['retry']>['classes']>,
): RetryClasses {
  const entries = Object.entries(project).map(([name, rule]) => [
    name,
    { ...user[name as keyof RetryClasses], ...rule },
  ]);
  return { ...user, ...Object.fromEntries(entries) };
}

/** The stricter of the user's limit and the project's; 0 is no limit. */
export function stricter(user: number, project: number | undefined): number {
  if (!project) return user;
  return user === 0 ? project : Math.min(user, project);
}
