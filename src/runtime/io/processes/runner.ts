import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunEnd, Runner, RunOrder } from '../../ports.ts';
import { asEnd, type Following, followAdopted, followTold } from './follow.ts';
import { prepare } from './order.ts';
import { ownStart } from './own-start.ts';
import { type ProcessTable, processTable } from './proc.ts';
import { readAgent } from './records.ts';
import { clearRun, lookAtRun, recoverRun } from './recover.ts';
import { dismissRun, stopRun } from './stop.ts';
import { Supervisors } from './supervisors.ts';
import { endSurvivors, RUN_DIR_MARK, RUN_MARK } from './survivors.ts';
import type { SeenEnd } from './talk.ts';

export interface RunnerOptions {
  readonly table?: ProcessTable;
  /** How often an adopted run is looked at; its exit record is normally noticed at once. */
  readonly pollMs?: number;
  /** How long a supervisor may be silent after its agent was killed. */
  readonly patienceMs?: number;
  /** How long a supervisor may take to answer a start. */
  readonly answerMs?: number;
  /** How long a supervisor without runs is kept. */
  readonly idleMs?: number;
  /** The supervisor's program. */
  readonly supervisor?: string;
}

type Started = Awaited<ReturnType<Runner['start']>>;

const SUPERVISOR = fileURLToPath(new URL('./supervisor.js', import.meta.url));

/** Runs agents as processes that outlive this one, at most once per directory (laws 2 and 5 of the design). */
export function createRunner(options: RunnerOptions = {}): Runner {
  const table = options.table ?? processTable();
  const { patienceMs = 30_000, pollMs = 2_000, answerMs = 30_000, idleMs = 60_000 } = options;
  const supervisors = new Supervisors({
    ...{ program: options.supervisor ?? SUPERVISOR, probe: table.probe, answerMs, idleMs },
  });
  const following = new Map<string, Following>();
  const stopping = new Map<string, Promise<RunEnd>>();
  const toldTo = new Map<string, () => void>();
  const recover = (dir: string) => recoverRun(dir, table);
  const lookingAt = (dir: string) => ({ dir, pollMs, look: () => recover(dir) });

  function follow(dir: string, run: Following): Promise<RunEnd> {
    following.set(dir, run);
    void run.ended.then(() => following.get(dir) === run && following.delete(dir));
    return run.ended;
  }

  function ended(dir: string): Promise<RunEnd> {
    return following.get(dir)?.ended ?? follow(dir, followAdopted(lookingAt(dir)));
  }

  async function start(order: RunOrder): Promise<Started> {
    const prepared = prepare(order);
    if ('refused' in prepared) return { kind: 'refused', reason: prepared.refused };
    const { dir, cwd, argv } = order;
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o700); // what an agent prints is its user's alone
    const run = order.env[RUN_MARK] ?? randomUUID();
    const env = { [RUN_DIR_MARK]: dir, ...order.env, PWD: cwd, [RUN_MARK]: run };
    const { program } = prepared;
    const stdin = order.stdin ?? '/dev/null';
    const answer = await supervisors.start({ dir, run, program, args: argv.slice(1), cwd, env, stdin });
    switch (answer.kind) {
      case 'started': {
        toldTo.set(dir, answer.journalled);
        void follow(dir, followTold(concluded(dir, run, answer.ended), lookingAt(dir)));
        return { kind: 'started' };
      }
      case 'taken':
        return { kind: 'refused', reason: 'another start, or a recovery, was first in this run directory' };
      case 'refused':
        return answer;
      case 'unanswered':
        return startedAfterAll(dir);
    }
  }

  /** The answer was lost: who owns the directory decides, and nobody will after this look. */
  async function startedAfterAll(dir: string): Promise<Started> {
    const found = await recover(dir);
    if (found.kind === 'never_started') return { kind: 'refused', reason: 'the supervisor of runs did not answer' };
    void ended(dir);
    return { kind: 'started' };
  }

  /** Nothing of a failed attempt may still be at work when the next one begins. */
  async function concluded(dir: string, run: string, ended: Promise<SeenEnd | 'untold'>): Promise<RunEnd | 'untold'> {
    const end = await ended;
    if (end === 'untold') return end;
    if (end.code !== 0) await endSurvivors(table, { run, agent: await readAgent(dir) });
    return { kind: 'exited', ...end };
  }

  async function stopNow(dir: string, graceMs: number): Promise<RunEnd> {
    const over = asEnd(await recover(dir));
    if (over) return over;
    const end = ended(dir);
    const run = following.get(dir);
    const stopped = await stopRun(dir, { graceMs, patienceMs }, table, end);
    run?.settle(stopped); // where its supervisor did not
    return stopped;
  }

  function stop(dir: string, graceMs: number): Promise<RunEnd> {
    const already = stopping.get(dir);
    if (already) return already;
    const stopped = stopNow(dir, graceMs).finally(() => stopping.delete(dir));
    stopping.set(dir, stopped);
    return stopped;
  }

  /** Whoever waits for its end hears of it at once. */
  async function look(dir: string): ReturnType<Runner['look']> {
    const found = await lookAtRun(dir, table);
    const end = found.kind === 'not_begun' ? undefined : asEnd(found);
    if (end) following.get(dir)?.settle(end);
    return found;
  }

  const enclose: Runner['enclose'] = (dir, run, argv) => ownStart(dir, run, argv, table.probe);

  function journalled(dir: string): void {
    toldTo.get(dir)?.();
    toldTo.delete(dir);
  }

  async function close(): Promise<void> {
    supervisors.close();
    for (const run of following.values()) run.close();
    following.clear();
  }

  const dismiss: Runner['dismiss'] = (dir, graceMs) => dismissRun(dir, graceMs, table);

  const clear: Runner['clear'] = (dir) => clearRun(dir, table);

  return { start, enclose, look, recover, ended, stop, clear, dismiss, journalled, close };
}
