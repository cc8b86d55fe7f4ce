import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/world.ts';
import { isAlive } from '../site.ts';
import { CALLS, journalOf, settled } from '../steps.ts';
import { Trap } from '../strace.ts';
import type { Away, ProviderName } from './away.ts';
import { readJournal } from './journal.ts';
import { checkRemains } from './remains.ts';

/** The system calls by which a delegation changes something that outlives the runtime: files, and what a service hears. */
export const FAR_CALLS = [...CALLS, 'connect', 'writev'] as const;

/** In place of which call the runtime is killed; `marker`: only where it names the marker. */
export interface Point {
  readonly call: (typeof FAR_CALLS)[number];
  readonly nth: number;
  readonly marker?: boolean;
  /** Also writes that only wake another thread or go to a socket. */
  readonly everyWrite?: boolean;
}

export interface Death {
  readonly died: boolean;
  /** What was wrong in the moment after the death, before anybody mended it. */
  readonly wrong: readonly string[];
}

/** One delegated drop, from nothing to its end, with a kill on the way if that call comes. */
export async function dieAt(away: Away, provider: ProviderName, id: string, point: Point): Promise<Death> {
  const pid = await settled(away);
  await away.talk.close(); // its bridge would start another runtime at once
  const trap = await Trap.set(pid, point.call, point.nth, pathOf(away, id, point));
  drop(away, provider, id);
  await until(() => !isAlive(pid) || isOver(away, id), 30_000).catch((error: Error) => {
    const told = readJournal(away.site).told.filter(({ event }) => 'id' in event && event.id === id);
    const seen = told.map(({ event }) => event.type).join(', ');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').slice(0, 40);
    throw new Error(`under ${point.call} ${point.nth}, ${stat}, ${id} came to: ${seen || 'nothing'}`, { cause: error });
  });
  if (isAlive(pid)) await sleep(100); // its last calls
  const died = !isAlive(pid);
  if (died) away.kills.push(Date.now());
  await trap.open();
  const wrong = died ? await checkRemains(away, id, provider) : [];
  away.talk = await away.site.talk();
  await settled(away);
  await until(() => isOver(away, id), 30_000);
  const { call, nth } = point;
  return { died, wrong: wrong.map((what) => `killed at ${call} ${nth}: ${provider}/${id} ${what}`) };
}

/** At the first, second, … call of each kind, until the delegation is through: how many there were, and what was wrong. */
export async function walk(away: Away, provider: ProviderName, everyWrite: boolean) {
  const made: Record<string, number> = {};
  const wrong: string[] = [];
  for (const call of FAR_CALLS)
    for (let nth = 1; ; nth++) {
      const death = await dieAt(away, provider, `${provider}-${call}-${nth}`, { call, nth, everyWrite });
      wrong.push(...death.wrong);
      if (!death.died) break;
      made[call] = nth;
      if (nth > 400) throw new Error(`it never completes under ${call}`);
    }
  return { made, wrong };
}

function pathOf(away: Away, id: string, { call, marker, everyWrite }: Point): string | undefined {
  if (marker) return away.marker(id);
  return call === 'write' && !everyWrite ? journalOf(away.site) : undefined;
}

function drop(away: Away, provider: ProviderName, id: string): void {
  const body = `Think of ${id}, long and hard.`;
  const text = `---\npreferred_ai: ${provider}\nallow_delegation: true\n---\n${body}\n`;
  const elsewhere = join(away.site.root, 'drops', id);
  writeFileSync(elsewhere, text);
  renameSync(elsewhere, away.site.queue('alpha', 'inbox', `${id}.md`));
  away.site.ledger.note({ did: 'drop', project: 'alpha', id, text, valid: true });
  away.sent.push({ id, body, provider, expected: 'done', doubtful: false });
}

function isOver({ site }: Away, id: string): boolean {
  const ended = ['done', 'failed'].some((folder) => existsSync(site.queue('alpha', folder, `${id}.md`)));
  return ended && !readdirSync(site.queue('alpha', 'inbox')).some((name) => name.startsWith(`${id}.`));
}
