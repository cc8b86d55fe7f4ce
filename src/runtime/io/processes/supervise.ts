import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, closeSync, constants as flags, openSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { recordExit, untilDone } from './exit-record.ts';
import { claimRun, giveBack } from './owner.ts';
import type { Identity, ProcessTable } from './proc.ts';
import { send } from './survivors.ts';
import type { AnswerLine, SeenEnd, StartLine } from './talk.ts';

/*
 * One run in the hands of its supervisor. What must hold:
 *
 * 1. Nothing starts before `owner` is ours, and it is ours at most once.
 * 2. What can't be started is given back only where it is certain that no instruction of the agent ran.
 * 3. The end is told and recorded after everything else of the agent's process group has ended.
 * 4. The end is recorded whether or not anybody still listens.
 */

/** Who supervises: its own identity, and the mark that a process carries until it has become the agent. */
export interface Self extends Identity {
  readonly supervisor: string;
}

export interface Surroundings {
  readonly self: Self;
  readonly table: ProcessTable;
  readonly tell: (answer: AnswerLine) => void;
  /** Whether the end that was told of this id gets into the journal before long. */
  readonly journalled: (id: number) => Promise<boolean>;
}

/** Settles when nothing is left to do for this run. */
export async function supervise(order: StartLine, surroundings: Surroundings): Promise<void> {
  const { self, table, tell } = surroundings;
  const { id, dir, run } = order;
  try {
    if (!claimRun(dir, { ...self, run })) return tell({ id, kind: 'taken' }); // 1
  } catch (error) {
    return tell({ id, kind: 'refused', reason: `its run directory can't be used: ${messageOf(error)}` });
  }
  const child = await begin(order);
  if (child instanceof Error) return notStarted(order, child, surroundings);
  const started_at = Date.now();
  const gone = new Promise<Gone>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  await recordAgent(dir, child, table, self.boot);
  tell({ id, kind: 'started' });
  const { code, signal } = await gone;
  await endGroup(child.pid); // 3
  await conclude(order, seen(code, signal, started_at), surroundings);
}

interface Gone {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Started extends ChildProcess {
  readonly pid: number;
}

/** The agent in a session of its own. Node emits some refusals of the system and throws others. */
async function begin({ dir, program, args, cwd, env, stdin }: StartLine): Promise<Started | Error> {
  const files: number[] = [];
  const held: number[] = [];
  try {
    // A pipe whose writer has died would have us wait for another one, and with us every other run.
    if (statSync(stdin).isFIFO()) held.push(openSync(stdin, flags.O_RDWR));
    files.push(openSync(stdin, 'r'), openSync(join(dir, 'stdout'), 'a'), openSync(join(dir, 'stderr'), 'a'));
    const child = spawn(program, args, { cwd, env, detached: true, stdio: files as [number, number, number] });
    if (child.pid !== undefined) return child as Started;
    return await new Promise<Error>((resolve) => child.once('error', resolve));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    for (const file of [...files, ...held]) closeSync(file);
  }
}

/** By this record the agent can be signalled, and its death be proved, when its supervisor is no more. */
async function recordAgent(dir: string, { pid }: Started, table: ProcessTable, boot: string): Promise<void> {
  try {
    const start = (await table.look(pid))?.start ?? 'gone already';
    writeFileSync(join(dir, 'agent'), `${JSON.stringify({ pid, start, boot })}\n`, { mode: 0o600 });
  } catch {
    send(-pid, 'SIGKILL'); // nobody could stop it any more
  }
}

/** A program that can't be executed would be so next time too; what the machine refuses may pass. */
async function notStarted(order: StartLine, error: Error, surroundings: Surroundings): Promise<void> {
  const { id, dir, program } = order;
  const { tell } = surroundings;
  const why = codeOf(error);
  const code = why === 'ENOENT' ? 127 : why === 'EACCES' || why === 'ENOEXEC' || why === 'ELOOP' ? 126 : undefined;
  if (code !== undefined) {
    const now = Date.now();
    try {
      appendFileSync(join(dir, 'stderr'), `${program} could not be started: ${error.message}\n`);
    } catch {} // the code says it too
    tell({ id, kind: 'started' });
    return conclude(order, { code, started_at: now, ended_at: now }, surroundings);
  }
  await untilDone(dir, () => giveBack(dir)); // 2
  tell({ id, kind: 'refused', reason: `it could not be started: ${error.message}` });
}

/** 4 */
function conclude({ id, dir }: StartLine, end: SeenEnd, { tell, journalled }: Surroundings): Promise<void> {
  return recordExit(dir, end, journalled(id), () => tell({ id, kind: 'ended', end }));
}

/** What the agent left in its group is asked to end, and then made to. */
async function endGroup(pid: number): Promise<void> {
  if (!send(-pid, 0)) return;
  send(-pid, 'SIGTERM');
  for (let looks = 0; looks < 20; looks++) {
    await wait(100);
    if (!send(-pid, 0)) return;
  }
  send(-pid, 'SIGKILL');
}

function seen(code: number | null, signal: NodeJS.Signals | null, started_at: number): SeenEnd {
  const ended_at = Date.now();
  if (signal === null) return { code: code ?? 0, started_at, ended_at };
  return { code: 128 + constants.signals[signal], signal, started_at, ended_at };
}

function codeOf(error: Error): string | undefined {
  return 'code' in error ? String(error.code) : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
