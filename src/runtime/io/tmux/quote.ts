/*
 * What tmux reads as a command. Everything that is not ours goes through `word`: inside double quotes tmux expands `$`
 * and `\`, and nothing else; what is not printable travels as octal, so that no line is ever cut.
 */

/** One argument. Formats (`#{…}`) are none of the parser's business: a command that expands them must not get foreign text. */
export function word(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return `"${text.replace(/["$\\]/g, '\\$&').replace(/[\u0000-\u001f\u007f]/g, octal)}"`;
}

export function words(texts: readonly string[]): string {
  return texts.map(word).join(' ');
}

/** Run one after the other by the server, with nothing in between; the first that fails ends the list. */
export function list(commands: readonly string[]): string {
  return commands.join(' ; ');
}

function octal(char: string): string {
  return `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
}

/** Characters that no terminal may be given; `\n` and `\t` are harmless inside a bracketed paste. */
export function controlIn(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const at = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.exec(text);
  if (at === null) return undefined;
  return `U+${at[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} at ${at.index}`;
}
