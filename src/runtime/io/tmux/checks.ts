import { type Refusal, refuse } from '../../model/refusal.ts';
import type { PaneFact, PaneProgram, PaneTarget } from '../../terminals.ts';
import { controlIn } from './quote.ts';

/* What is refused before tmux sees it. */

/** Longer arguments go through a file: a server keeps its last thousand commands in its message log. */
export const LONGEST_LINE = 12_000;
/** The system gives one argument 128 KiB. */
export const LONGEST_ARGUMENTS = 120_000;
const LONGEST_TEXT = 1_000_000;
const LONGEST_FACT = 1_000;

export function checkTarget({ pane, pid }: PaneTarget): Refusal | undefined {
  if (/^%\d{1,10}$/.test(pane) && Number.isSafeInteger(pid) && pid >= 0) return undefined;
  return refuse(
    'invalid',
    `${JSON.stringify(pane)} with process ${pid} names no pane`,
    'take both from the last sweep',
  );
}

/** Exactly the names that tmux keeps as they are, and that no target syntax can read as something else. */
export function checkSession(name: string): Refusal | undefined {
  if (/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(name)) return undefined;
  const shown = JSON.stringify(name.slice(0, 80));
  return refuse('invalid', `${shown} can't be the name of a session`, 'use letters, digits, _ and -, at most 64');
}

export function checkFacts(facts: Readonly<Partial<Record<PaneFact, string | undefined>>>): Refusal | undefined {
  for (const [fact, value] of Object.entries(facts)) {
    const problem =
      value === undefined ? undefined : problemOf(value, LONGEST_FACT, controlIn(value.replace(/[\n\t]/g, '\0')));
    if (problem !== undefined) return refuse('invalid', `the ${fact} of a pane ${problem}`, 'shorten or clean it');
  }
  return undefined;
}

export function checkProgram({ argv, cwd, env }: Omit<PaneProgram, 'facts'>): Refusal | undefined {
  if (!cwd.startsWith('/') || cwd.includes('\0')) {
    return refuse('invalid', `${JSON.stringify(cwd)} is no absolute folder`, 'give the full path');
  }
  const bad = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (bad !== undefined) return refuse('invalid', `${JSON.stringify(bad)} is no name of a variable`, 'rename it');
  const all = [...argv, ...Object.values(env)];
  if (all.some((text) => text.includes('\0'))) return refuse('invalid', 'an argument holds a NUL', 'remove it');
  const size = argv.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (size <= LONGEST_ARGUMENTS) return undefined;
  return refuse(
    'invalid',
    `the arguments take ${size} bytes, at most ${LONGEST_ARGUMENTS} can be given to a program`,
    'put the text into a file and name the file',
  );
}

export function checkText(text: string): Refusal | undefined {
  const problem = text === '' ? 'is empty' : problemOf(text, LONGEST_TEXT, controlIn(text));
  if (problem === undefined) return undefined;
  return refuse('invalid', `the text ${problem}; nothing was pasted`, 'shorten or clean it, or put it into a file');
}

function problemOf(text: string, longest: number, control: string | undefined): string | undefined {
  if (control !== undefined) return `holds a control character (${control})`;
  if (/\p{Cs}/u.test(text)) return 'is no valid Unicode';
  return Buffer.byteLength(text) > longest ? `is longer than ${longest} bytes` : undefined;
}
