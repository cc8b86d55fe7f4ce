// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const COMMAND = /^\s*[/?!]|^\s*$/;
const LEAD_IN = 'Your task:\n\n';

/**
 * The first prompt is treated as if it was typed (0.61.0): a `/` at its start is a command of the program. Such a prompt
 * gets a line in front. Everything else arrives as it is, but for control characters, which an argument can't hold or a
 * terminal must not get. A file that is named as `@path` is read to the model beside it.
 */
export function promptArgument(prompt: string): string {
  const text = prompt.replace(/\r\n?/g, '\n').replace(CONTROLS, '');
  return COMMAND.test(text) ? `${LEAD_IN}${text}` : text;
}
