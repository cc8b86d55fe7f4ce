import { type ChildProcess, spawn } from 'node:child_process';
import type { CommandEnd, CommandOrder, Commands } from '../ports.ts';

const MAX_STDERR = 2_048; // the end of it says what went wrong
const LATE_MS = 100; // what it left running may hold its stderr open for ever

/** Each command has a process group of its own, so that what it started ends with it when its time is over. */
export const commands: Commands = {
  run: (order, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve({ kind: 'aborted' });
      const started = start(order);
      if ('reason' in started) return resolve({ kind: 'not_started', reason: started.reason });
      follow(started.child, order, signal, resolve);
    }),
};

function start({ argv: [program, ...args], cwd, env }: CommandOrder): { child: ChildProcess } | { reason: string } {
  try {
    return { child: spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'ignore', 'pipe'] }) };
  } catch (error) {
    return { reason: String(error) }; // an argument that no program can have
  }
}

function follow(
  child: ChildProcess,
  { input, timeoutMs }: CommandOrder,
  signal: AbortSignal,
  resolve: (end: CommandEnd) => void,
): void {
  let stderr = '';
  let late: NodeJS.Timeout | undefined;
  let killed: 'timed_out' | 'aborted' | undefined;
  const kill = (why: typeof killed) => () => {
    killed ??= why;
    killGroup(child);
  };
  const abort = kill('aborted');
  const timer = setTimeout(kill('timed_out'), timeoutMs);
  const end = (how: CommandEnd) => {
    clearTimeout(timer);
    clearTimeout(late);
    signal.removeEventListener('abort', abort);
    child.stderr?.destroy();
    resolve(how);
  };
  signal.addEventListener('abort', abort);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR);
  });
  child.stdin?.on('error', () => undefined); // it need not read
  child.stdin?.end(input);
  child.on('error', (error) => end({ kind: 'not_started', reason: error.message }));
  child.on('exit', (code, by) => {
    clearTimeout(timer);
    const ended = () => end(endOf(killed, code, by, stderr));
    child.on('close', ended);
    late = setTimeout(ended, LATE_MS);
  });
}

function endOf(
  killed: 'timed_out' | 'aborted' | undefined,
  code: number | null,
  signal: string | null,
  stderr: string,
): CommandEnd {
  if (killed === 'aborted') return { kind: 'aborted' };
  if (killed === 'timed_out') return { kind: 'timed_out', stderr };
  return { kind: 'exited', code: code ?? 1, stderr, ...(signal !== null && { signal }) };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}
