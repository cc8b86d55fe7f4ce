import { type Refusal, refuse } from '../model/refusal.ts';

/*
 * What `verify` runs. No shell ever sees it: a configured check is its argv, and anything else is split into words as a
 * shell would split it. What only a shell could do is refused, since it would be done otherwise than it reads.
 */

export type Argv = readonly [string, ...string[]];

export interface VerifyRules {
  /** The person's own checks, by their names. */
  readonly checks: Readonly<Record<string, readonly string[]>>;
  /** False for what came as a file: it names a check. */
  readonly free: boolean;
}

export function verifyCommand(verify: string, { checks, free }: VerifyRules): Argv | Refusal {
  const named = Object.hasOwn(checks, verify) ? checks[verify] : undefined;
  const [program, ...args] = named ?? [];
  if (program !== undefined) return [program, ...args];
  const known = Object.keys(checks).join(', ') || 'none is configured';
  if (!free)
    return refuse(
      'invalid',
      `verify: ${JSON.stringify(verify)} names no configured check`,
      `configured checks: ${known}`,
    );
  return splitWords(verify);
}

const MAX_SHOWN = 500; // characters

/** A command as a person would write it. */
export function commandText(argv: Argv): string {
  const words = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  const text = words.join(' ');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

const ADVICE =
  'configure it under "checks:" in yardmaster.yaml and name that check, or put it into a script and name the script';

/** Words as a shell splits them: quotes and backslashes are respected, nothing is expanded. */
export function splitWords(text: string): Argv | Refusal {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (/[ \t]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(text, at);
      if ('problem' in quoted) return no(quoted.problem);
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (char === '\\' && at + 1 < text.length && text.charAt(at + 1) !== '\n') {
      word = (word ?? '') + text.charAt(++at);
    } else {
      const problem = shellProblem(char, word);
      if (problem !== undefined) return no(problem);
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === '') return no('it names no command');
  if (/^[A-Za-z_]\w*=/.test(program)) return no(`${program.split('=')[0]}= before a command is a shell's work`);
  return [program, ...args];
}

type Quoted = { readonly text: string; readonly end: number } | { readonly problem: string };

/** What stands between the quote at `start` and the one that closes it. */
function readQuoted(text: string, start: number): Quoted {
  const quote = text.charAt(start);
  let read = '';
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === quote) return { text: read, end: at };
    if (quote === '"' && (char === '$' || char === '`')) return { problem: `${char} in double quotes is for a shell` };
    if (quote === '"' && char === '\\' && /["\\$`]/.test(text.charAt(at + 1))) read += text.charAt(++at);
    else read += char;
  }
  return { problem: `the quote ${quote} is not closed` };
}

const OPERATORS = '|&;<>()$`\n\r';

function shellProblem(char: string, word: string | undefined): string | undefined {
  if (OPERATORS.includes(char)) return `${JSON.stringify(char)} is for a shell, and none runs it`;
  if ('*?'.includes(char)) return `${char} is a pattern for a shell, and none runs it (in quotes the command sees it)`;
  return char === '~' && word === undefined ? '~ is for a shell, and none runs it' : undefined;
}

function no(problem: string): Refusal {
  return refuse('invalid', `verify: ${problem}`, ADVICE);
}
