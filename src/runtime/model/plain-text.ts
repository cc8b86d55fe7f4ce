/*
 * Text of other programs, made fit to be read: no sequence in it can move a cursor, set a title or write a clipboard, and
 * nothing in it is invisible. What looks empty can carry orders to a model; what reorders text can hide them from a person.
 */

const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
const CONTROLS = /[^\P{Cc}\n\t]/gu;
/** Zero width, direction marks, tags, variation selectors, fillers; and the two separators that are line breaks to some. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Co}\p{Cs}\u2028\u2029\ufff9-\ufffb]/gu;
const PLAIN = /^[\n\t -~]*$/;

/** Keeps line breaks, tabs and everything that can be seen. */
export function plainText(text: string): string {
  return answerText(text).replace(INVISIBLE, '');
}

/** An agent's answer as it is kept: what is not seen stays too, since it joins emoji and shapes scripts. */
export function answerText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(SEQUENCES, '').replace(/\r\n?/g, '\n').replace(CONTROLS, '');
}

/** The same on one line. */
export function plainLine(text: string): string {
  return plainText(text)
    .replace(/[\n\t]+/g, ' ')
    .trim();
}
