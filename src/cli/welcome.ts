import type { HttpState } from '../assembly.ts';
import { configPath, type LoadedConfig, loadConfig } from '../runtime/config/load.ts';
import { describeProblem } from '../runtime/config/problem.ts';
import { codingAgent } from '../runtime/model/config.ts';
import type { Cli } from './cli.ts';
import { placesOf, programWords } from './clients/program.ts';
import { sourcesOf } from './commands/config.ts';
import { programs } from './doctor/programs.ts';
import { hasPool } from './doctor/sessions.ts';
import { which } from './doctor/which.ts';
import { safeLine } from './safe-text.ts';
import { shellWord } from './shell-word.ts';

/** What a person who starts the runtime in the foreground wants to know: where it is, how to reach it, what is missing. */
export async function welcome(cli: Cli, set: readonly string[] = []): Promise<(http?: HttpState) => string> {
  const loaded = await loadConfig(sourcesOf(cli, set));
  return (http = { state: 'off' }) => {
    const parts = [addresses(cli, loaded, http), clientLines(cli, http), lacking(cli, loaded), firstRun(cli, loaded)];
    return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
  };
}

function addresses(cli: Cli, loaded: LoadedConfig, http: HttpState): string {
  const { runtime } = cli;
  const { paint } = cli.look();
  const rows: [string, string][] = [
    ['home', runtime.home],
    ['socket', runtime.socket],
    ...httpRow(http),
    ['config', configured(cli, loaded)],
    ['log', `${logLevel(loaded.config?.log.level)}, as JSON on standard error`],
    ...loaded.problems.map((problem): [string, string] => ['wrong', describeProblem(problem)]),
  ];
  const title = `${paint('bold', `Yardmaster ${runtime.version}`)} runs here until Ctrl-C; work that has begun goes on without it.`;
  return [title, ...rows.map(([name, value]) => `  ${name.padEnd(8)} ${safeLine(value)}`)].join('\n');
}

function httpRow(http: HttpState): [string, string][] {
  if (http.state === 'on') return [['http', `${http.url}/mcp, for whoever has the token (yardmaster token)`]];
  return http.reason === undefined ? [] : [['no http', `${http.reason} ${http.hint ?? ''}`]];
}

function configured(cli: Cli, { config, from }: LoadedConfig): string {
  const path = configPath(cli.around.env, cli.around.userHome);
  const file = from.includes(path) ? path : `no file at ${path}`;
  if (config === undefined) return file;
  return `${file}: ${count(config.projects, 'project')}, ${count(Object.keys(config.agents), 'agent')}`;
}

function logLevel(configured: string | undefined): string {
  if (configured) return configured;
  return process.stderr.isTTY ? 'warn (YARDMASTER_LOG_LEVEL=info tells more)' : 'info';
}

function clientLines(cli: Cli, http: HttpState): string {
  const { paint } = cli.look();
  const lines = [addCommand(cli), ...(http.state === 'on' ? [addOverHttp(cli, http.url)] : [])];
  const shown = lines.map((line) => `  ${paint('cyan', line)}`).join('\n  or, over HTTP:\n');
  return `Connect Claude Code (other clients: yardmaster mcp-config --help):\n${shown}`;
}

/** The token itself stays out of terminals and their scrollback. */
function addOverHttp(cli: Cli, url: string): string {
  const places = Object.entries(placesOf(cli)).map(([name, value]) => `${name}=${value}`);
  const token = [...(places.length > 0 ? ['env', ...places] : []), ...programWords(cli), 'token']
    .map(shellWord)
    .join(' ');
  return `claude mcp add --transport http yardmaster ${url}/mcp --header "Authorization: Bearer $(${token})"`;
}

/** Ready to paste: this very program, and this home and configuration where they are not the usual ones. */
function addCommand(cli: Cli): string {
  const places = Object.entries(placesOf(cli)).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  return ['claude', 'mcp', 'add', 'yardmaster', ...places, '--', ...programWords(cli), 'mcp'].map(shellWord).join(' ');
}

function lacking(cli: Cli, { config }: LoadedConfig): string {
  const { paint } = cli.look();
  const lines = programs(cli.around.env.PATH, config && codingAgent(config, 'claude').program).flatMap((finding) =>
    finding.state === 'ok'
      ? []
      : [
          `  ${paint('yellow', finding.name.padEnd(8))} ${safeLine(finding.detail)}\n           → ${safeLine(finding.hint)}`,
        ],
  );
  return lines.length === 0 ? '' : `This machine lacks:\n${lines.join('\n')}`;
}

function firstRun(cli: Cli, { config }: LoadedConfig): string {
  if (config === undefined || hasPool(config)) return '';
  const path = safeLine(configPath(cli.around.env, cli.around.userHome));
  const { PATH } = cli.around.env;
  const agents = Object.keys(config.agents);
  const claude = which('claude', PATH) !== undefined && (agents.length === 0 || agents.includes('claude'));
  const now = claude ? 'Tasks run with Claude Code, without a terminal. ' : '';
  if (which('tmux', PATH) && which('claude', PATH))
    return `${now}So that Claude Code does tasks in sessions of tmux that you can look at, put this into ${path}; it counts within seconds:\n${POOL}`;
  if (claude) return now.trim();
  if (agents.length > 0) return '';
  return `No agent is configured: tasks are kept and wait. To try it, put this into ${path}; it counts within seconds:\n${EXAMPLE}`;
}

/** The smallest configuration that does something. */
const EXAMPLE = `  allowed_roots: [~/code]    # where projects may lie; default: the home directory
  agents:
    echo:                    # any program: the prompt comes on stdin, what it prints is the result
      command: [cat]`;

const POOL = `  allowed_roots: [~/code]          # where projects may lie; default: the home directory
  pool:
    autonomous: { min: 1, max: 3 }   # ccl-auto-0 …: kept alive, and made when there is work for them`;

function count(things: readonly unknown[], name: string): string {
  return `${things.length} ${name}${things.length === 1 ? '' : 's'}`;
}
