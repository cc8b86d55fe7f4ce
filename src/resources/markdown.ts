/** A text of somebody else on one line, without anything that markdown would act upon. */
export function inline(text: string): string {
  const line = text.replace(/[\s\p{C}]+/gu, ' ').trim();
  return line.replace(/[\\`*_[\]<>]/g, '\\$&');
}

/** A text of somebody else, fenced so that it can't end its own fence. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}markdown\n${text.trimEnd()}\n${fence}\n`;
}
