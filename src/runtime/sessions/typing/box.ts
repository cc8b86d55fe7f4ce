import type { ScreenReading } from '../../agents/agent.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { Clock } from '../../ports.ts';
import type { Tmux } from '../../terminals.ts';
import type { PaneAgent } from './pane-agent.ts';
import { squeezed, type Wording } from './wording.ts';

/* What stands in the agent's input box, compared without what a screen does to spaces. */

const LINES = 500; // more than a screen has
const LOOK_AGAIN_MS = 80;

/** A long paste is shown as a mark of its own, with the number of its line breaks. */
const PASTED = /^\[pasted(?:text|content)[^\]+]*(?:\+(\d+)lines?)?\]$/i;

export async function readScreen(
  tmux: Pick<Tmux, 'read'>,
  { agent, target }: PaneAgent,
): Promise<ScreenReading | Refusal> {
  const text = await tmux.read(target.pane, { lines: LINES });
  return isRefusal(text) ? text : agent.screen(text);
}

/** Looks until the screen is as wanted, or time is up: then what it was last. */
export async function screenUntil(
  { tmux, clock }: { readonly tmux: Pick<Tmux, 'read'>; readonly clock: Clock },
  agent: PaneAgent,
  wanted: (reading: ScreenReading) => boolean,
  limitMs: number,
): Promise<ScreenReading | Refusal> {
  for (const end = clock.now() + limitMs; ; ) {
    const reading = await readScreen(tmux, agent);
    if (isRefusal(reading) || wanted(reading) || clock.now() >= end) return reading;
    await pause(clock, LOOK_AGAIN_MS);
  }
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

export type BoxState =
  | 'empty'
  /** Exactly the pieces that were pasted so far, and nothing else. */
  | 'ours'
  /** The beginning of them. */
  | 'partly_ours'
  | 'other'
  /** There is no box: a dialog, an error, or nothing that is known. */
  | 'none';

/** `count` pieces have been pasted. */
export function boxState(reading: ScreenReading, { pieces }: Wording, count = pieces.length): BoxState {
  if (reading.kind !== 'ready' && reading.kind !== 'busy') return 'none';
  const box = squeezed(reading.box);
  if (box === '') return 'empty';
  const typed = pieces.slice(0, count).map(squeezed);
  if (box === typed.join('')) return 'ours';
  if (isMarked(box, typed.slice(0, -1).join(''), pieces[count - 1] ?? '')) return 'ours';
  return typed.join('').startsWith(box) ? 'partly_ours' : 'other';
}

/** The last piece is shown as one mark behind the words that were typed. */
function isMarked(box: string, lead: string, pasted: string): boolean {
  if (lead === '' || !box.startsWith(lead)) return false;
  const mark = PASTED.exec(box.slice(lead.length));
  return mark !== null && (mark[1] === undefined || Number(mark[1]) === pasted.split('\n').length - 1);
}
