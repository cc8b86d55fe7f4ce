// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const COMMAND = /^\s*[-!/]|^\s*[A-Za-z][\w-]*\s*$|^\s*$/;
const LEAD_IN = 'Your task:\n\n';

/**
 * The prompt as an argument that is taken as nothing else. Behind `--` Claude Code (2.1.329) takes a lone word for one of
 * its subcommands (`update`) and a first `/` for a command of its own; such a prompt gets a line in front. Everything
 * else arrives as it is, but for control characters, which an argument can't hold or a terminal must not get.
 */
export function positional(prompt: string): string {
  const text = prompt.replace(/\r\n?/g, '\n').replace(CONTROLS, '');
  return COMMAND.test(text) ? `${LEAD_IN}${text}` : text;
}
