import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { RunOrder } from '../../ports.ts';
import type { Prepared } from './order.ts';
import type { ProcessTable } from './proc.ts';
import { RUN_MARK } from './survivors.ts';
import { WRAPPER } from './wrapper.ts';

export interface Wrapper {
  readonly pid: number;
  /** Its end, whenever that is. */
  readonly gone: Promise<void>;
}

/**
 * Starts the wrapper and waits until it is decided who owns the run. The agent's environment is the order's with PWD
 * and the run's mark; where /bin/sh is bash, it adds SHLVL.
 */
export async function spawnWrapper(
  order: RunOrder,
  prepared: Prepared,
  table: ProcessTable,
): Promise<Wrapper | { refused: string }> {
  const run = order.env[RUN_MARK] ?? randomUUID();
  const args = wrapperArguments(order, prepared, table.probe, await table.boot(), run);
  const child = trySpawn(args, order.cwd, wrapperEnvironment(order, run));
  if (child instanceof Error) return { refused: `it could not be started: ${child.message}` };
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const failed = new Promise<{ refused: string }>((resolve) =>
    child.once('error', (error) => resolve({ refused: `it could not be started: ${error.message}` })),
  );
  if (child.pid === undefined) return failed;
  await decided(child.stdio[3] as Readable);
  child.unref();
  return { pid: child.pid, gone };
}

export function wrapperEnvironment(order: RunOrder, run: string): Record<string, string> {
  return { ...order.env, PWD: order.cwd, [RUN_MARK]: run, _ym_wrapper: WRAPPER };
}

/** Node throws some refusals of the system (too long a list of arguments, a NUL in one) and emits others. */
function trySpawn(args: string[], cwd: string, env: Record<string, string>): ChildProcess | Error {
  try {
    return spawn('/bin/sh', args, { cwd, env, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

export function wrapperArguments(
  order: RunOrder,
  prepared: Prepared,
  probe: ProcessTable['probe'],
  boot: string,
  run: string,
): string[] {
  const settings = [order.dir, run, boot, probe, prepared.toolPath, order.stdin ?? '/dev/null'];
  return ['-c', 'eval "$_ym_wrapper"', 'yardmaster-run', ...settings, ...prepared.exec];
}

/** The wrapper and its tools hold the other end of this pipe until `owner` exists or never will. */
async function decided(pipe: Readable): Promise<void> {
  pipe.resume();
  await new Promise<void>((resolve) => pipe.once('close', resolve));
}
