import { procTable, psTable } from './proc.ts';
import { supervise } from './supervise.ts';
import { SUPERVISOR_MARK } from './survivors.ts';
import { type AnswerLine, linesOf, type OrderLine, TALK } from './talk.ts';
import { ToldEnds } from './told-ends.ts';

/*
 * The program that starts agents for one runtime, waits for them and records their ends. It is small, so that starting
 * a process costs it little, and it outlives the runtime. What must hold:
 *
 * 1. It ends when nobody can ask it any more and nothing that it started is left; no signal but SIGKILL ends it before.
 * 2. Nothing that happens to one run touches another.
 */

const CHANGED = 'the program was changed on disk since the runtime was started; restart the runtime';

const table = process.argv[2] === 'ps' ? psTable : procTable;
const mark = process.env[SUPERVISOR_MARK] ?? '';
const boot = await table.boot();
const start = (await table.look(process.pid))?.start ?? 'unknown';
const self = { pid: process.pid, start, boot, supervisor: mark };

for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.on(name, () => {}); // 1
process.stdout.on('error', () => {}); // the runtime is no more; the records tell the next one

const ends = new ToldEnds();
const surroundings = { self, table, tell, journalled: (id: number) => ends.journalled(id) };

function tell(answer: AnswerLine): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function take(line: string): void {
  const order = JSON.parse(line) as OrderLine;
  if (order.kind === 'journalled') ends.settle(order.id, true);
  else if (order.talk !== TALK) tell({ id: order.id, kind: 'refused', reason: CHANGED });
  else supervise(order, surroundings).catch(() => {}); // a bug: that run's time limit ends it (2)
}

process.stdin
  .setEncoding('utf8')
  .on('data', linesOf(take))
  .on('end', () => ends.close()) // only the runs are left to wait for (1)
  .on('error', () => ends.close());
