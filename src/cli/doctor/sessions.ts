import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../runtime/config/load.ts';
import { expandHome } from '../../runtime/config/settle.ts';
import { type Config, codingAgent } from '../../runtime/model/config.ts';
import type { Cli } from '../cli.ts';
import { sourcesOf } from '../commands/config.ts';
import { otherAgents } from './agents.ts';
import { type Finding, note, ok } from './check.ts';
import { programs } from './programs.ts';
import { which } from './which.ts';

const OLDEST_TMUX = [3, 2] as const;
const SHELL = '/bin/sh';
const MAX_NAMED = 5;

/** The programs, and what sessions need beside them: their versions, what their hooks run with, trusted folders. */
export async function sessions(cli: Cli): Promise<Finding[]> {
  const { config } = await loadConfig(sourcesOf(cli));
  const there = programs(cli.around.env.PATH, config && codingAgent(config, 'claude').program);
  const found = await Promise.all(there.map((finding) => withVersion(cli, finding)));
  const pool = config !== undefined && hasPool(config) ? [...(await trust(cli, config)), ...resumes(cli, config)] : [];
  const others = config === undefined ? [] : await otherAgents(cli, config);
  return [...found, ...others, reporter(cli), ...pool];
}

export function hasPool({ pool }: Pick<Config, 'pool'>): boolean {
  return pool.dedicated.length > 0 || pool.autonomous.max > 0 || pool.autonomous.min > 0;
}

async function withVersion(cli: Cli, finding: Finding): Promise<Finding> {
  if (finding.state !== 'ok' || (finding.name !== 'tmux' && finding.name !== 'claude')) return finding;
  const { name, detail } = finding;
  const said = await cli.around.capture([detail, name === 'tmux' ? '-V' : '--version']);
  if (said === undefined) return note(name, `${detail} does not say its version`, `Run it: ${detail} --version`);
  const version = said.trim().split('\n')[0] ?? '';
  if (name === 'tmux' && isOld(version))
    return note(name, `${version} at ${detail} is too old: no sessions`, 'Install tmux 3.2 or newer.');
  return ok(name, `${detail}, ${version}`);
}

function isOld(version: string): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return false; // `tmux master` is new
  return Number(major) < OLDEST_TMUX[0] || (Number(major) === OLDEST_TMUX[0] && Number(minor) < OLDEST_TMUX[1]);
}

/** The hooks of an agent in a session run a script; it waits for answers at a pipe with a name. */
function reporter({ around }: Cli): Finding {
  const name = 'reporter';
  const pipe = which('mkfifo', around.env.PATH);
  if (!existsSync(SHELL)) return note(name, `${SHELL} is not there: sessions can't report`, 'Install a POSIX shell.');
  if (pipe === undefined)
    return note(
      name,
      'mkfifo is not there: agents in sessions can only be answered in their terminal',
      'Install coreutils.',
    );
  return ok(name, `${SHELL}, ${pipe}`);
}

/** Whether Claude Code would ask before it works in the configured projects. Only read. */
async function trust(cli: Cli, config: Config): Promise<Finding[]> {
  const folders = [...new Set([...config.projects, ...dedicated(cli, config)].map(({ path }) => realPath(path)))];
  const { profiles } = codingAgent(config, 'claude');
  const own = cli.around.env.CLAUDE_CONFIG_DIR;
  const files =
    profiles.length > 0
      ? profiles.map(({ config_dir }) => join(expandHome(config_dir, cli.around.userHome), '.claude.json'))
      : [join(own || cli.around.userHome, '.claude.json')];
  return Promise.all(files.map((file) => trustIn(file, folders)));
}

function dedicated({ around }: Cli, { pool, projects }: Config): { path: string }[] {
  return pool.dedicated.flatMap(({ project }) => {
    const path = projects.find(({ name }) => name === project)?.path ?? expandHome(project, around.userHome);
    return path.startsWith('/') ? [{ path }] : [];
  });
}

async function trustIn(file: string, folders: readonly string[]): Promise<Finding> {
  const name = 'trust';
  if (!existsSync(file))
    return note(name, `${file} is not there: Claude Code was never set up for it`, 'Run `claude` once and log in.');
  const known = await readProjects(file);
  if (known === undefined)
    return note(
      name,
      `${file} can't be understood: nothing is accepted in it`,
      'Run `claude` once; it mends or renames it.',
    );
  const asked = folders.filter((folder) => known[folder]?.hasTrustDialogAccepted !== true);
  if (asked.length === 0) return ok(name, `${folders.length} folders are trusted in ${file}`);
  const more = asked.length > MAX_NAMED ? ` and ${asked.length - MAX_NAMED} more` : '';
  return note(
    name,
    `not trusted yet in ${file}: ${asked.slice(0, MAX_NAMED).join(', ')}${more}`,
    'That is accepted for configured projects before their first task; `claude` there asks you now.',
  );
}

type Known = Readonly<Record<string, { readonly hasTrustDialogAccepted?: unknown } | undefined>>;

async function readProjects(file: string): Promise<Known | undefined> {
  try {
    const { projects = {} } = JSON.parse(await readFile(file, 'utf8')) as { projects?: unknown };
    return typeof projects === 'object' && projects !== null ? (projects as Known) : undefined;
  } catch {
    return undefined;
  }
}

function resumes({ around }: Cli, { dispatcher: { resume_dir } }: Config): Finding[] {
  if (resume_dir === undefined) return [];
  const name = 'resume';
  const folder = expandHome(resume_dir, around.userHome);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK); // what was used is renamed away
    const ids = readdirSync(folder).filter((file) => file.endsWith('-resume-id.txt'));
    return [ok(name, `${folder}, ${ids.length} conversations to go on with`)];
  } catch (error) {
    return [
      note(
        name,
        `dispatcher.resume_dir: ${(error as Error).message}`,
        'Make it readable and writable, or leave the key out.',
      ),
    ];
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
