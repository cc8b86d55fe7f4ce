import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { type TmuxOptions, tmux } from '../../../../src/runtime/io/tmux/tmux.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { PaneTarget, PaneView, Sweep, Tmux, TmuxNews } from '../../../../src/runtime/terminals.ts';

const run = promisify(execFile);

const worlds: World[] = [];

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.end();
});

export interface World {
  readonly dir: string;
  readonly socket: string;
  readonly env: NodeJS.ProcessEnv;
  /** A person at a terminal: `tmux …` on the same server. */
  person(...args: string[]): Promise<string>;
  /** A port on that server; more than one is another home, or the same after a restart. */
  port(options?: Partial<TmuxOptions>): Tmux & { readonly news: TmuxNews[] };
  serverPid(): Promise<number>;
  end(): Promise<void>;
}

/** A server of its own, in a folder of its own, which does not run until somebody starts it. */
export async function world(): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'ym-tmux-'));
  const socket = join(dir, 'server');
  const env = { ...process.env, HOME: dir, TMUX_TMPDIR: dir, TMUX: undefined, SECRET_TOKEN: 'hush' };
  const ports: Tmux[] = [];
  await mkdir(join(dir, 'work'));
  const person = async (...args: string[]) => {
    const { stdout } = await run('tmux', ['-u', '-S', socket, ...args], { env, cwd: dir, timeout: 10_000 });
    return stdout.trim();
  };
  const made: World = {
    dir,
    socket,
    env,
    person,
    port(options = {}) {
      const port = tmux({ mark: 'aaaa1111', spill: join(dir, 'spill'), env, socket: { path: socket }, ...options });
      const news: TmuxNews[] = [];
      port.subscribe((one) => news.push(one));
      ports.push(port);
      return Object.assign(port, { news });
    },
    serverPid: async () => Number(await person('display-message', '-p', '#{pid}')),
    async end() {
      for (const port of ports) await port.close();
      await person('kill-server').catch(() => {});
      endWhatIsLeftOf(dir);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  worlds.push(made);
  return made;
}

/** A hook that waits for its answer outlives an agent that was killed; here nobody takes up what is left. */
function endWhatIsLeftOf(dir: string): void {
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${dir}/`)) process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended, or is somebody else's
    }
  }
}

/** The value, where no refusal is expected. */
export function sure<T>(value: T): Exclude<T, { refused: true } | { unconfirmed: true }> {
  if (isRefusal(value) || (typeof value === 'object' && value !== null && 'unconfirmed' in value)) {
    throw new Error(`not expected: ${JSON.stringify(value)}`);
  }
  return value as Exclude<T, { refused: true } | { unconfirmed: true }>;
}

export async function paneOf(port: Tmux, of: string | PaneTarget): Promise<PaneView> {
  const { panes } = sure(await port.sweep()) as Sweep;
  const found = panes.find((pane) => (typeof of === 'string' ? pane.session === of : pane.pane === of.pane));
  if (found === undefined) throw new Error(`no pane ${JSON.stringify(of)} among ${JSON.stringify(panes)}`);
  return found;
}

/** The first news that fit, past or future. */
export async function heard<T extends TmuxNews>(
  port: Tmux & { readonly news: TmuxNews[] },
  fits: (news: TmuxNews) => news is T,
  limitMs = 15_000,
): Promise<T> {
  const past = port.news.find(fits);
  if (past !== undefined) return past;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not heard, only ${JSON.stringify(port.news)}`)), limitMs);
    const stop = port.subscribe((one) => {
      if (!fits(one)) return;
      clearTimeout(timer);
      stop();
      resolve(one);
    });
  });
}

export const of =
  <K extends TmuxNews['kind']>(kind: K, session?: string) =>
  (news: TmuxNews): news is Extract<TmuxNews, { kind: K }> =>
    news.kind === kind && (session === undefined || ('pane' in news && news.pane.session === session));

/** Looks until it is true: for what another program does in its own time. */
export async function until(what: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await what())) {
    if (Date.now() > end) throw new Error(`never true: ${what}`);
    await once(AbortSignal.timeout(20), 'abort');
  }
}

/** A shell as a program: `sh('echo "$1"', 'a b')`. */
export function sh(script: string, ...args: string[]): [string, ...string[]] {
  return ['/bin/sh', '-c', script, 'sh', ...args];
}
