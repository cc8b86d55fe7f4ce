import { plainLine } from '../../model/plain-text.ts';
import type { ScreenReading } from '../agent.ts';
import type { BoxPatterns, DialogPattern, ScreenPatterns } from './table.ts';

/*
 * 1. `ready` and `busy` need a whole box as the last thing on the screen, with a foot that is known and nothing close to
 *    it that an Enter or a digit would answer. Everything else is a dialog, an error or unknown.
 * 2. Only the end of the screen counts: above it stands what was said, which may look like anything.
 */

const FEET = 6; // lines below the box
const NEAR = 6; // lines above it
const END = 6; // lines in which a dialog says how to answer it
const LAST = 40; // lines that may belong to a dialog

export function readScreen(patterns: ScreenPatterns, screen: string): ScreenReading {
  const lines = screen
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line, at, all) => line !== '' || all.slice(at).some((later) => later !== ''));
  const box = boxIn(patterns.box, lines);
  return (
    (box && reading(patterns, box)) ?? dialogIn(patterns, lines) ?? errorIn(patterns, lines) ?? { kind: 'unknown' }
  );
}

interface Box {
  readonly text: string;
  readonly above: readonly string[];
  readonly below: readonly string[];
}

/** The last box, where it is close enough to the end to be the one that takes keys. */
function boxIn({ top, first, further, bottom }: BoxPatterns, lines: readonly string[]): Box | undefined {
  const end = lines.findLastIndex((line) => bottom.test(line));
  const start = lines.findLastIndex((line, at) => at < end && first.test(line));
  if (start < 1 || !top.test(lines[start - 1] ?? '') || lines.length - end - 1 > FEET) return undefined;
  const rest = lines.slice(start + 1, end);
  if (!rest.every((line) => further.test(line))) return undefined;
  const text = [first.exec(lines[start] ?? ''), ...rest.map((line) => further.exec(line))];
  return {
    text: text
      .map((found) => found?.[1] ?? found?.[2] ?? '')
      .join('\n')
      .trimEnd(),
    above: lines.slice(0, start).filter(Boolean).slice(-NEAR),
    below: lines.slice(end),
  };
}

/** Invariant 1. */
function reading(patterns: ScreenPatterns, { text, above, below }: Box): ScreenReading | undefined {
  const near = [...above, ...below];
  if (!some(patterns.feet, below) || some(patterns.traps, near)) return undefined;
  if (patterns.dialogs.some(({ end }) => some([end], below))) return undefined;
  const box = patterns.placeholders.some((placeholder) => placeholder.test(text)) ? '' : text;
  return { kind: some(patterns.busy, near) ? 'busy' : 'ready', box };
}

function dialogIn({ dialogs }: ScreenPatterns, lines: readonly string[]): ScreenReading | undefined {
  const end = lines.filter(Boolean).slice(-END);
  const all = lines.slice(-LAST);
  const fits = (dialog: DialogPattern) => some([dialog.end], end) && (!dialog.also || some([dialog.also], all));
  const found = dialogs.find(fits);
  return found && { kind: 'dialog', what: asked(all) ?? found.what, blocked: found.blocked };
}

/** The dialog's own question, where it has one. */
function asked(lines: readonly string[]): string | undefined {
  const question = lines.findLast((line) => /^\s*Do you want to .*\?$/.test(line));
  return question && plainLine(question).slice(0, 200);
}

function errorIn({ errors }: ScreenPatterns, lines: readonly string[]): ScreenReading | undefined {
  const found = lines.slice(-LAST).find((line) => some(errors, [line]));
  return found === undefined ? undefined : { kind: 'error', what: plainLine(found).slice(0, 300) };
}

function some(patterns: readonly RegExp[], lines: readonly string[]): boolean {
  return lines.some((line) => patterns.some((pattern) => pattern.test(line)));
}
