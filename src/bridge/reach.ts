import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type Home, LOCK_HELD, makeHome, socketPath } from '../home.ts';

export interface Program {
  /** The command that runs a runtime, for instance `[node, main.js, serve]`. Without it none is started. */
  readonly serve?: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
}

export interface Patience {
  /** How long without any sign of a runtime. */
  readonly startMs: number;
  /** How long in all, when another runtime holds the lock but does not listen (it recovers or closes). */
  readonly lockedMs: number;
}

const PATIENCE: Patience = { startMs: 30_000, lockedMs: 120_000 };
const MAX_FAILED_STARTS = 3;

/** A connection to the home's runtime, which is started where none runs; or why there is none. */
export async function reach(
  home: Home,
  program: Program,
  signal: AbortSignal,
  patience = PATIENCE,
): Promise<Socket | string> {
  const begun = Date.now();
  let sign = begun; // the last time that something showed that a runtime is there or comes
  let failed = 0;
  let starting: Start | undefined;
  let locked = 0;
  for (let tries = 0; !signal.aborted; tries++) {
    const socket = await tryConnect(home);
    if (socket !== undefined) return socket;
    if (starting?.state === 'failed') failed++;
    if (starting?.state === 'locked') {
      sign = Date.now();
      await pause(Math.min(50 * 2 ** locked++, 2_000) * (0.5 + Math.random()), signal);
    }
    if (failed >= MAX_FAILED_STARTS) return `The runtime ended ${failed} times while starting. See ${home.log}`;
    if (Date.now() - sign > patience.startMs || Date.now() - begun > patience.lockedMs) {
      return `No runtime listens on ${home.socket}. See ${home.log}`;
    }
    if (program.serve === undefined) return `No runtime listens on ${home.socket}.`;
    if (starting?.state !== 'running') starting = await start(home, program.serve, program.env);
    await pause(Math.min(10 + tries * 5, 100) * (0.5 + Math.random()), signal);
  }
  return 'The bridge is ending.';
}

/** What connecting says when nobody listens, or when who listened was killed in that moment. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAGAIN']);

/** Undefined when nobody listens. A path beyond the system's bound is reached through its folder (Linux). */
export function tryConnect(home: Home): Promise<Socket | undefined> {
  const way = socketPath(home);
  if (way === undefined) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const socket = connect(way.path);
    const settle = (result: Socket | undefined): void => {
      way.done();
      resolve(result);
    };
    socket.once('connect', () => settle(socket.off('error', fail)));
    function fail(error: NodeJS.ErrnoException): void {
      socket.destroy();
      if (NOBODY.has(error.code ?? '')) settle(undefined);
      else {
        way?.done();
        reject(error);
      }
    }
    socket.once('error', fail);
  });
}

interface Start {
  state: 'running' | 'locked' | 'failed';
}

/** A runtime of its own: own process group, no terminal, no folder kept busy, its words in the home's log. */
async function start(home: Home, serve: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<Start> {
  const { spawn } = await import('node:child_process');
  makeHome(home);
  const log = openSync(home.log, 'a', 0o600);
  const [command, ...args] = serve;
  const child = spawn(command, args, {
    detached: true,
    cwd: '/',
    env: runtimeEnv(home, env),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const begun: Start = { state: 'running' };
  child.once('error', () => {
    begun.state = 'failed';
  });
  child.once('exit', (code) => {
    begun.state = code === LOCK_HELD || code === 0 ? 'locked' : 'failed';
  });
  child.unref();
  return begun;
}

const OF_AN_ATTEMPT = /^(?:YARDMASTER_(?:TASK|PROJECT|ATTEMPT|ATTEMPT_TOKEN|RUN|RUN_DIR)|CLAUDE_CODE_SESSION_ID)$/;

/**
 * The runtime is nobody's attempt, even when an attempt's bridge happens to start it: with that run's mark in its
 * environment it would die with the run.
 */
function runtimeEnv(home: Home, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const rest = Object.entries(env).filter(([name]) => !OF_AN_ATTEMPT.test(name));
  return { ...Object.fromEntries(rest), YARDMASTER_HOME: home.dir };
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
