import { word } from './quote.ts';

/*
 * A session that is closed takes its own hooks with it, so this one news needs a global hook: one item of an array in
 * which people keep theirs. It never fails and never speaks, even when the runtime that made it is long gone.
 */

const FIRST_INDEX = 1_000; // people count from 0

interface Item {
  readonly index: number;
  readonly command: string;
}

export const SHOW = ['show-hooks', '-g', 'session-closed'];

/** The commands that leave exactly one item for this channel, next to what others have there. */
export function armed(shown: string, channel: string): string[] {
  const items = itemsOf(shown);
  const [kept, ...doubled] = ours(items, channel);
  if (kept !== undefined) return doubled.map(remove);
  let index = FIRST_INDEX;
  while (items.some((item) => item.index === index)) index++;
  return [`set-hook -g session-closed[${index}] ${word(`wait-for -S ${channel}`)}`];
}

export function disarmed(shown: string, channel: string): string[] {
  return ours(itemsOf(shown), channel).map(remove);
}

function ours(items: readonly Item[], channel: string): Item[] {
  return items.filter(({ command }) => command.split(/[\s"]+/).includes(channel));
}

function remove({ index }: Item): string {
  return `set-hook -gu session-closed[${index}]`;
}

function itemsOf(shown: string): Item[] {
  return [...shown.matchAll(/^session-closed\[(\d+)\] (.*)$/gm)].map(([, index, command = '']) => ({
    index: Number(index),
    command,
  }));
}
