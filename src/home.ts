import { chmodSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where one runtime keeps everything it owns. Nothing heavy is imported here: the bridge starts with this. */
export interface Home {
  readonly dir: string;
  readonly socket: string;
  readonly lock: string;
  readonly journal: string;
  readonly snapshot: string;
  readonly runs: string;
  readonly dispatch: string;
  readonly heartbeat: string;
  readonly token: string;
  readonly logs: string;
  readonly log: string;
}

export function homeAt(path: string): Home {
  const dir = resolve(path);
  const logs = join(dir, 'logs');
  return {
    dir,
    socket: join(dir, 'runtime.sock'),
    lock: join(dir, 'runtime.lock'),
    journal: join(dir, 'journal'),
    snapshot: join(dir, 'snapshot.json'),
    runs: join(dir, 'runs'),
    dispatch: join(dir, 'dispatch'),
    heartbeat: join(dir, 'heartbeat.json'),
    token: join(dir, 'token'),
    logs,
    log: join(logs, 'runtime.log'),
  };
}

/** `$YARDMASTER_HOME`, else the XDG state directory. A relative XDG path is ignored, as its standard says. */
export function findHome(env: NodeJS.ProcessEnv): Home {
  if (env.YARDMASTER_HOME) return homeAt(env.YARDMASTER_HOME);
  const xdg = env.XDG_STATE_HOME;
  const state = xdg?.startsWith('/') ? xdg : join(env.HOME || homedir(), '.local', 'state');
  return homeAt(join(state, 'yardmaster'));
}

/** The folder's mode is what keeps other users from the socket, so it is set even where the folder exists. */
export function makeHome(home: Home): void {
  mkdirSync(home.logs, { recursive: true, mode: 0o700 });
  chmodSync(home.dir, 0o700);
}
