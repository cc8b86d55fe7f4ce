import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Refusal, refuse } from '../../model/refusal.ts';
import { which } from '../processes/which.ts';

const run = promisify(execFile);

export type Environment = Readonly<Record<string, string | undefined>>;

/** Which server: by default the one that the person's own `tmux` talks to. */
export type TmuxSocket = { readonly name: string } | { readonly path: string };

/** A service's PATH is often a short one; a tmux that is merely hidden must not pass for one that is not there. */
const USUAL_PLACES = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/opt/local/bin';

/** A server that we start keeps this environment for all its life and hands it to every pane, so no secret is on the list. */
const PASSED = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TERM', 'TZ', 'TMPDIR', 'TMUX_TMPDIR'],
  ...['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'DBUS_SESSION_BUS_ADDRESS', 'SSH_AUTH_SOCK'],
];
const PASSED_FAMILIES = ['LC_', 'XDG_'];

const OLDEST = [3, 2] as const;

/** The path of a tmux that is new enough, or why there is none. */
export async function findTmux(program: string, env: Environment): Promise<string | Refusal> {
  const path = [env.PATH, USUAL_PLACES].filter(Boolean).join(':');
  const file = await which(program, path, '/');
  if (file === undefined) {
    return refuse(
      'not_configured',
      `${program} was not found: there are no sessions, everything else works`,
      'install tmux 3.2 or newer; sessions begin by themselves then',
    );
  }
  return versionProblem(await versionOf(file, env)) ?? file;
}

async function versionOf(file: string, env: Environment): Promise<string> {
  const { stdout } = await run(file, ['-V'], { env: tmuxEnvironment(env), timeout: 10_000 }).catch(() => ({
    stdout: '',
  }));
  return stdout.trim();
}

/** `tmux 3.3a`, `tmux next-3.5`; what has no number (`tmux master`) is taken for new. */
export function versionProblem(version: string): Refusal | undefined {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return undefined;
  const isOld = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
  if (!isOld) return undefined;
  return refuse(
    'not_configured',
    `${version} is too old: there are no sessions, everything else works`,
    'install tmux 3.2 or newer, then end the old server when its sessions are done',
  );
}

export function tmuxEnvironment(env: Environment): Record<string, string> {
  const isPassed = (name: string) => PASSED.includes(name) || PASSED_FAMILIES.some((family) => name.startsWith(family));
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value !== undefined && isPassed(name) ? [[name, value]] : [])),
  );
}

/** `-u`: without it tmux replaces every character that is not ASCII where the locale is a plain one. */
export function socketArguments(socket: TmuxSocket | undefined): string[] {
  if (socket === undefined) return ['-u'];
  return 'path' in socket ? ['-u', '-S', socket.path] : ['-u', '-L', socket.name];
}
