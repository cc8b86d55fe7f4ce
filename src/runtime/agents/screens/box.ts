const PASTED = /^\[Pasted text #\d+(?: \+(\d+) lines)?\]$/;

/**
 * Whose text stands in an input box. A screen breaks lines where it likes and shows a longer paste as a mark only, so
 * `ours` means: the same but for blanks, or the mark of a paste of that many lines.
 */
export function boxHolds(box: string, text: string): 'nothing' | 'ours' | 'something else' {
  const shown = withoutBlanks(box);
  if (shown === '') return 'nothing';
  const pasted = PASTED.exec(box.trim());
  if (pasted !== null) return Number(pasted[1] ?? 0) === breaksIn(text) ? 'ours' : 'something else';
  return shown === withoutBlanks(text) ? 'ours' : 'something else';
}

function withoutBlanks(text: string): string {
  return text.replace(/\s+/g, '');
}

function breaksIn(text: string): number {
  return text.split('\n').length - 1;
}
