import { chmodSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
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

/** Exit code of `serve` when another runtime owns the home: the one who asked should connect to that. */
export const LOCK_HELD = 75;

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

const PATH_BOUND = 100;

/** A path to bind or connect to that the system takes; `done` after use. Undefined where the folder is not. */
export function socketPath(home: Home): { path: string; done(): void } | undefined {
  if (Buffer.byteLength(home.socket) <= PATH_BOUND) return { path: home.socket, done() {} };
  if (process.platform !== 'linux') {
    throw new Error(
      `The socket's path is too long for this system (over ${PATH_BOUND} bytes): set YARDMASTER_HOME to a shorter one than ${home.dir}`,
    );
  }
  try {
    const fd = openSync(home.dir, constants.O_RDONLY | constants.O_DIRECTORY);
    return { path: `/proc/self/fd/${fd}/runtime.sock`, done: once(() => closeSync(fd)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}
