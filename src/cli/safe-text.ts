/*
 * Text of agents, files and services may hold escape sequences that move the cursor, rename the window, write the
 * clipboard or reorder what a person reads. None of it reaches the terminal.
 */

const ESC = '\u001b';
const CSI = '[\\u001b]\\[[0-?]*[ -/]*[@-~]|\\u009b[0-?]*[ -/]*[@-~]';
const STRING =
  '(?:\\u001b[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c)?';
const SHORT = '\\u001b[ -/]*[0-~]';
const SEQUENCES = new RegExp(`${STRING}|${CSI}|${SHORT}`, 'g');
const CONTROLS = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu;

/** Keeps line breaks and tabs. */
export function safeText(text: string): string {
  const plain = text.includes(ESC) || /[\u0080-\u009f]/.test(text) ? text.replace(SEQUENCES, '') : text;
  return plain.replace(/\r\n/g, '\n').replace(CONTROLS, '');
}

/** The same on one line. */
export function safeLine(text: string): string {
  return safeText(text).replace(/\s+/g, ' ').trim();
}
