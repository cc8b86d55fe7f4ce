import { type Refusal, refuse } from '../../model/refusal.ts';
import type { PaneProgram, SessionOrder } from '../../terminals.ts';
import * as acts from './acts.ts';
import { LONGEST_LINE } from './checks.ts';
import { launch, launchFromFile, placeholder } from './launcher.ts';
import { list, word, words } from './quote.ts';

/* How sessions and programs begin: one command list each, so that no half of it can happen alone. */

interface Surroundings {
  readonly mark: string;
  readonly spill: string;
}

/**
 * A session begins with a placeholder; its program follows by a respawn, since variables of a new session would also be
 * given to every pane that a person opens in it.
 */
export async function composeCreate(order: SessionOrder, { mark, spill }: Surroundings): Promise<string | Refusal> {
  const size = ['-x', String(order.width ?? 200), '-y', String(order.height ?? 50)];
  const folder = order.cwd.includes('#') ? [] : ['-c', order.cwd]; // tmux would expand it; the launcher enters it anyway
  const first = word(`=${order.name}:^.{top-left}`);
  const program = order.program && (await composeProgram(first, order.program, spill));
  if (program !== undefined && typeof program !== 'string') return program;
  return list([
    `new-session -d -P -F "ym made #{session_id}" ${words(['-s', order.name, '-n', order.name, ...size, ...folder, '--', ...placeholder(order.cwd)])}`,
    `set-option -t ${first} destroy-unattached off`,
    ...acts.replaceFacts(first, order.facts),
    ...acts.markPane(first, mark),
    acts.hearRename(first, mark),
    `copy-mode -q -t ${first}`, // errors of a person's configuration are shown in the first session there is
    ...(program === undefined ? [] : [program]),
    acts.tellPid(first),
  ]);
}

export async function composeRespawn(
  pane: string,
  program: PaneProgram,
  { spill }: Surroundings,
): Promise<string[] | Refusal> {
  const start = await composeProgram(pane, program, spill);
  if (typeof start !== 'string') return start;
  return [...acts.replaceFacts(pane, program.facts), start, acts.tellPid(pane)];
}

async function composeProgram(
  pane: string,
  { argv, cwd, env }: Omit<PaneProgram, 'facts'>,
  spill: string,
): Promise<string | Refusal> {
  const plain = acts.respawn(pane, launch(argv, cwd), env);
  if (Buffer.byteLength(plain) <= LONGEST_LINE) return plain;
  const spilled = acts.respawn(pane, await launchFromFile(argv, cwd, spill), env);
  if (Buffer.byteLength(spilled) <= LONGEST_LINE) return spilled;
  return refuse('invalid', 'the environment of the program is too long', 'put long values into files');
}
