/* What the runtime and its supervisor say to each other, a line of JSON each. */

/** A supervisor that was installed later than the runtime that starts it may speak differently. */
export const TALK = 1;

/** To the supervisor. */
export type OrderLine = StartLine | JournalledLine;

/** The end that was told is in the journal: its record need not be on disk. */
export interface JournalledLine {
  readonly kind: 'journalled';
  readonly id: number;
}

/** Start this, unless somebody else has decided over its directory. */
export interface StartLine {
  readonly kind: 'start';
  readonly talk: number;
  readonly id: number;
  readonly dir: string;
  /** The run's mark, which all its processes carry in their environment. */
  readonly run: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** How an agent ended, as its supervisor saw it. */
export interface SeenEnd {
  /** 128 + its number for a signal, as shells say it. */
  readonly code: number;
  readonly signal?: string;
  readonly started_at: number;
  readonly ended_at: number;
}

/** From the supervisor, about the start of that id. */
export type AnswerLine =
  | { readonly id: number; readonly kind: 'started' }
  /** Another start, or a recovery, was first. */
  | { readonly id: number; readonly kind: 'taken' }
  /** Nothing was started, and nothing will be. */
  | { readonly id: number; readonly kind: 'refused'; readonly reason: string }
  /** All of its group has ended, and its record can be read. */
  | { readonly id: number; readonly kind: 'ended'; readonly end: SeenEnd };

/** Cuts a stream of text into whole lines; what has no newline yet waits. */
export function linesOf(take: (line: string) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  };
}
