/** A text between fences: whatever it holds, it does not end its own. */
export function fenced(text: string, language = ''): string {
  const runs = [...text.matchAll(/`+|~+/g)].map(([run]) => run.length);
  const fence = '`'.repeat(Math.max(3, ...runs.map((length) => length + 1)));
  return `${fence}${language}\n${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${fence}`;
}
