import { stripVTControlCharacters } from 'node:util';

/** Columns aligned under their heads; the last one is cut where the terminal ends. Cells are safe text, colours allowed. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  if (rows.length === 0) return '';
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => columns(line[column] ?? ''))));
  return lines.map((line) => `${cut(alignLine(line, widths), width)}\n`).join('');
}

function alignLine(line: readonly string[], widths: readonly number[]): string {
  const cells = line.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - columns(cell)));
  return cells.join('  ').trimEnd();
}

/** How many columns a text takes: wide characters take two, combining ones none. */
export function columns(text: string): number {
  let total = 0;
  for (const character of stripVTControlCharacters(text)) total += columnsOf(character);
  return total;
}

function columnsOf(character: string): number {
  if (/\p{M}|\u200d/u.test(character)) return 0;
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
    character,
  )
    ? 2
    : 1;
}

function cut(line: string, width: number | undefined): string {
  if (width === undefined || columns(line) <= width) return line;
  const coloured = line !== stripVTControlCharacters(line);
  let kept = '';
  let used = 0;
  // Splits off colours, which take no room and must not be cut in two.
  for (const part of line.split(COLOUR)) {
    if (part.startsWith('\u001b')) {
      kept += part;
      continue;
    }
    for (const character of part) {
      used += columnsOf(character);
      if (used < width) kept += character;
    }
  }
  return `${kept}…${coloured ? '\u001b[0m' : ''}`;
}

const COLOUR = /(\p{Cc}\[\d+m)/u;
