import { execFile, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import type { Surroundings } from './surroundings.ts';

/** The surroundings of this very process. */
export function processSurroundings(): Surroundings {
  const ended = new AbortController();
  // `yardmaster events -f | head` closes the pipe: an end, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    ended.abort();
  });
  return {
    out: (text) => void process.stdout.write(text),
    drained: () => drained(ended.signal),
    err: (text) => void process.stderr.write(text),
    stdin: readAll,
    ...(process.stdin.isTTY && process.stdout.isTTY && { ask }),
    handOver,
    capture,
    now: () => Date.now(),
    env: process.env,
    userHome: homedir(),
    cwd: process.cwd(),
    colours: coloursWanted(process.stdout.isTTY === true, process.env),
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
    signal: ended.signal,
  };
}

/** Colour is for terminals; NO_COLOR (https://no-color.org) switches it off, FORCE_COLOR on. */
export function coloursWanted(terminal: boolean, env: Surroundings['env']): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return terminal && env.TERM !== 'dumb';
}

function drained(ended: AbortSignal): Promise<void> {
  if (!process.stdout.writableNeedDrain || ended.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      process.stdout.off('drain', done);
      ended.removeEventListener('abort', done);
      resolve();
    };
    process.stdout.once('drain', done);
    ended.addEventListener('abort', done);
  });
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await asking.question(question);
  } finally {
    asking.close();
  }
}

function handOver([program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const CAPTURE_MS = 10_000;

function capture([program = '', ...args]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: CAPTURE_MS, encoding: 'utf8' }, (error, stdout) =>
      resolve(error ? undefined : stdout),
    );
  });
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
