/*
 * Globs of tasks: `*` and `?` stay within one name, `**` between slashes is any number of folders (none, too), `[a-z]` and
 * `[!a-z]` are one character, `{a,b}` is one of several. Names that begin with a dot are names like any other, and case
 * counts. A bracket or brace that is never closed stands for itself.
 *
 * 1. A match takes time in proportion to pattern times path, whatever stands in them: all ways are followed at once.
 */

type Step =
  /** `cost`: of a look, where it is more than one. */
  | { readonly kind: 'one'; readonly takes: (char: string) => boolean; readonly cost?: number }
  | { readonly kind: 'fork'; to: number[] }
  | { readonly kind: 'end' };

/** What matches cost: a bound for all looks of one task together. */
export interface Effort {
  left: number;
}

export type Glob = (path: string, effort: Effort) => boolean;

export function isGlob(pattern: string): boolean {
  return /[*?[{]/.test(pattern);
}

/** The folder under which everything lies that a pattern can match; empty for the project itself. */
export function folderOf(pattern: string): string {
  const at = pattern.search(/[*?[{]/);
  return at < 0 ? pattern : pattern.slice(0, Math.max(0, pattern.lastIndexOf('/', at)));
}

export function compileGlob(pattern: string): Glob {
  const steps = new Compiler([...pattern]).steps;
  return (path, effort) => matches(steps, path, effort);
}

/** 1 */
function matches(steps: readonly Step[], path: string, effort: Effort): boolean {
  let now = reached(steps, [0]);
  for (const char of path) {
    effort.left -= now.size;
    const next: number[] = [];
    for (const at of now) {
      const step = steps[at];
      if (step?.kind !== 'one') continue;
      effort.left -= step.cost ?? 0;
      if (step.takes(char)) next.push(at + 1);
    }
    if (next.length === 0) return false;
    now = reached(steps, next);
  }
  return [...now].some((at) => steps[at]?.kind === 'end');
}

/** All steps that are there without another character. */
function reached(steps: readonly Step[], from: readonly number[]): ReadonlySet<number> {
  const all = new Set<number>();
  const open = [...from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (all.has(at)) continue;
    all.add(at);
    const step = steps[at];
    if (step?.kind === 'fork') open.push(...step.to);
  }
  return all;
}

const inName = (char: string) => char !== '/';

class Compiler {
  readonly steps: Step[] = [];
  readonly #chars: readonly string[];
  #at = 0;

  constructor(chars: readonly string[]) {
    this.#chars = chars;
    this.#sequence(0);
    this.steps.push({ kind: 'end' });
  }

  /** Up to the end, or in braces to the comma or brace that ends an alternative. */
  #sequence(depth: number): void {
    for (let char = this.#chars[this.#at]; char !== undefined; char = this.#chars[this.#at]) {
      if (depth > 0 && (char === ',' || char === '}')) return;
      this.#part(char, depth);
    }
  }

  #part(char: string, depth: number): void {
    const closed = char === '[' ? this.#closing() : undefined;
    if (char === '*') this.#stars();
    else if (char === '?') this.#one(inName);
    else if (closed !== undefined) this.#class(closed);
    else if (char === '{' && this.#isClosed()) this.#braces(depth);
    else this.#one((given) => given === char);
  }

  #one(takes: (char: string) => boolean): void {
    this.steps.push({ kind: 'one', takes });
    this.#at++;
  }

  #stars(): void {
    const before = this.#chars[this.#at - 1];
    const begin = this.#at;
    while (this.#chars[this.#at] === '*') this.#at++;
    const next = this.#chars[this.#at];
    const alone = this.#at - begin > 1 && (before === undefined || '/{,'.includes(before));
    if (alone && next === '/') this.#folders();
    else if (alone && (next === undefined || ',}'.includes(next))) this.#below();
    else this.#any(inName);
  }

  /** All that is in a folder; not the folder itself. */
  #below(): void {
    this.steps.push({ kind: 'one', takes: () => true });
    this.#any(() => true);
  }

  #any(takes: (char: string) => boolean): void {
    const here = this.steps.length;
    this.steps.push({ kind: 'fork', to: [here + 1, here + 3] }, { kind: 'one', takes }, { kind: 'fork', to: [here] });
  }

  /** Nothing, or whatever ends in a slash. */
  #folders(): void {
    this.#at++; // the slash
    const skip = { kind: 'fork' as const, to: [this.steps.length + 1] };
    this.steps.push(skip);
    this.#any(() => true);
    this.steps.push({ kind: 'one', takes: (char) => char === '/' });
    skip.to.push(this.steps.length);
  }

  #braces(depth: number): void {
    const choice = { kind: 'fork' as const, to: [] as number[] };
    this.steps.push(choice);
    const ends: { kind: 'fork'; to: number[] }[] = [];
    do {
      this.#at++; // the brace, or the comma
      choice.to.push(this.steps.length);
      this.#sequence(depth + 1);
      const end = { kind: 'fork' as const, to: [] as number[] };
      ends.push(end);
      this.steps.push(end);
    } while (this.#chars[this.#at] === ',');
    this.#at++;
    for (const end of ends) end.to.push(this.steps.length);
  }

  #isClosed(): boolean {
    let depth = 0;
    for (const char of this.#chars.slice(this.#at)) {
      if (char === '{') depth++;
      if (char === '}' && --depth === 0) return true;
    }
    return false;
  }

  /** Where the class ends that begins here; a bracket that comes first in it is one of its characters. */
  #closing(): number | undefined {
    const negated = '!^'.includes(this.#chars[this.#at + 1] ?? ' ');
    const end = this.#chars.indexOf(']', this.#at + (negated ? 3 : 2));
    return end < 0 ? undefined : end;
  }

  #class(end: number): void {
    const inside = this.#chars.slice(this.#at + 1, end);
    const negated = '!^'.includes(inside[0] ?? ' ');
    const takes = oneOf(negated ? inside.slice(1) : inside);
    this.steps.push({ kind: 'one', takes: (char) => char !== '/' && takes(char) !== negated, cost: inside.length });
    this.#at = end + 1;
  }
}

function oneOf(members: readonly string[]): (char: string) => boolean {
  const ranges: [number, number][] = [];
  for (let at = 0; at < members.length; at++) {
    const from = codeOf(members[at]);
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    ranges.push([from, isRange ? codeOf(members[at + 2]) : from]);
    if (isRange) at += 2;
  }
  return (char) => ranges.some(([from, to]) => codeOf(char) >= from && codeOf(char) <= to);
}

function codeOf(char: string | undefined): number {
  return char?.codePointAt(0) ?? 0;
}
