import { plainText } from '../../model/plain-text.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';

/*
 * How a message is put, so that it is never a command of the agent's interface and its model knows whose words it reads.
 * Long texts reach the model marked as pasted, and it is told not to trust those: words that are typed before it vouch for it.
 */

/** What is typed: each piece is one paste. */
export interface Wording {
  readonly pieces: readonly string[];
  /** How the agent will report it, but for spaces and what it puts around pasted text. */
  readonly text: string;
}

const LONGEST_TYPED = 700; // characters; from 800 on it is a paste
const MOST_TYPED_LINES = 3;
const LONGEST = 200_000; // bytes

const LEAD = 'A message from the owner of this task: ';
const LEAD_LONG =
  'The owner of this task sends you the message that follows. It was pasted on their behalf and is theirs: do as it says. ';

export function wordingOf(given: string): Wording | Refusal {
  const text = plainText(given).replace(/\t/g, '    ').trim();
  if (text === '') return refuse('invalid', 'the message is empty; nothing was sent', 'say what the agent should know');
  const bytes = Buffer.byteLength(text);
  if (bytes > LONGEST) return tooLong(bytes);
  if (isLong(text)) return { pieces: [LEAD_LONG, text], text };
  const whole = `${isSafeStart(text) ? '' : LEAD}${text}${isSafeEnd(text) ? '' : ' .'}`;
  return { pieces: [whole], text: whole };
}

function isLong(text: string): boolean {
  return text.length > LONGEST_TYPED || text.split('\n').length > MOST_TYPED_LINES;
}

/** `!` runs a shell, `/` a command, one word alone (`exit`) may be one; others may follow with a release. */
function isSafeStart(text: string): boolean {
  return /^[\p{L}\p{N}"'([«“„]/u.test(text) && /\s/.test(text);
}

/** A backslash turns Enter into a new line; what looks like a name opens a list from which Enter would choose. */
function isSafeEnd(text: string): boolean {
  return !/\\$|(?:^|\s)[@/#!][^\s]*$/u.test(text);
}

function tooLong(bytes: number): Refusal {
  return refuse(
    'invalid',
    `the message has ${bytes} bytes, at most ${LONGEST} can be sent; nothing was sent`,
    'put it into a file of the project and send its name',
  );
}

/** Without what screens and agents do to spaces and around pasted text. */
export function squeezed(text: string): string {
  return text.replace(/<\/?pasted_content[^>]*>/g, '').replace(/\s+/g, '');
}
