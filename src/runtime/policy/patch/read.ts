import { type Block, beginsPatch, namesAt } from './blocks.ts';
import { Broken, type FileChange, type Hunk } from './change.ts';
import { gitNames, headerName, NOTHING, withoutPrefixes } from './names.ts';

/*
 * A block of lines as changes of files, in one pass.
 *
 * R1. What the signs in front of the lines say counts, not the counts in the head of a hunk: whoever writes a patch by
 *     heart miscounts. Empty lines inside of a hunk are lines of the file whose blank was lost.
 * R2. Nothing else is mended: where a hunk holds something that is no line of a patch, or the answer ends within one, a
 *     part of the work may be missing, and half a patch is worse than none.
 */

interface Draft {
  kind: FileChange['kind'];
  old: string;
  new: string;
  old_mode?: string;
  new_mode?: string;
  binary: boolean;
  named: boolean; // by --- and +++
  hunks: Hunk[];
}

const MAX_FILES = 5_000; // each costs, and reading must not hold up everything else

const HUNK = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)$/s;

export function readChanges({ lines: given, kind, closed }: Block): FileChange[] {
  const lines = withoutReturns(given);
  const drafts: Draft[] = [];
  let isWhole = true;
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    const draft = drafts.at(-1);
    if (drafts.length > MAX_FILES) throw new Broken(`it changes more than ${MAX_FILES} files`);
    if (line.startsWith('diff --git ')) {
      drafts.push(fromGit(line.slice('diff --git '.length)));
      at += 1;
    } else if (namesAt(lines, at) || (line.startsWith('--- ') && awaitsNames(draft) && isPlus(lines[at + 1]))) {
      drafts.push(named(lines, at, awaitsNames(draft) ? drafts.pop() : undefined));
      at += 2;
    } else if (line.startsWith('@@') && kind === 'fenced' && !draft) {
      throw new Broken('its first hunk stands before the name of any file (--- a/… and +++ b/…)');
    } else if (line.startsWith('@@') && draft) {
      const read = readHunk(lines, at, kind);
      if (read.hunk) draft.hunks.push(read.hunk);
      ({ at, isWhole } = read);
    } else {
      if (draft && draft.hunks.length === 0) extend(draft, line);
      at += 1;
    }
  }
  if (!closed && !isWhole) throw new Broken('it ends in the middle of a hunk');
  return drafts.flatMap(finished);
}

/** Where its own heads end in CRLF, the whole answer was sent that way. Else a CR belongs to a line of the file. */
function withoutReturns(lines: readonly string[]): readonly string[] {
  const head = lines.find((line, at) => line.startsWith('@@') || beginsPatch(lines, at));
  return head?.endsWith('\r') ? lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)) : lines;
}

function isPlus(line: string | undefined): boolean {
  return line?.startsWith('+++ ') === true;
}

function awaitsNames(draft: Draft | undefined): boolean {
  return draft !== undefined && !draft.named && draft.hunks.length === 0;
}

function fromGit(text: string): Draft {
  const names = gitNames(text);
  const [old, now] = names ? withoutPrefixes(...names) : ['', ''];
  return { kind: old === now ? 'edit' : 'rename', old, new: now, binary: false, named: false, hunks: [] };
}

/** Of a file that is renamed the names behind `rename` count; else those of --- and +++. */
function named(lines: readonly string[], at: number, begun: Draft | undefined): Draft {
  const given = [lines[at], lines[at + 1]].map((line) => headerName(line?.slice(4) ?? ''));
  const [old, now] = withoutPrefixes(given[0] ?? '', given[1] ?? '');
  if (old === NOTHING && now === NOTHING) throw new Broken('a file of it has no name (/dev/null twice)');
  const base = { binary: false, hunks: [], ...begun, named: true };
  if (old === NOTHING) return { ...base, kind: 'new', old: now, new: now };
  if (now === NOTHING) return { ...base, kind: 'delete', old, new: old };
  if (begun?.kind === 'rename' || begun?.kind === 'copy') return { ...base, kind: begun.kind, old, new: now };
  return { ...base, kind: begun?.kind ?? 'edit', old: now, new: now }; // without `rename`: such as x.orig against x
}

const EXTENDED: readonly (readonly [string, (draft: Draft, value: string) => void])[] = [
  ['old mode ', (draft, mode) => Object.assign(draft, { old_mode: mode })],
  ['new mode ', (draft, mode) => Object.assign(draft, { new_mode: mode })],
  ['new file mode ', (draft, mode) => Object.assign(draft, { kind: 'new', new_mode: mode })],
  ['deleted file mode ', (draft, mode) => Object.assign(draft, { kind: 'delete', old_mode: mode })],
  ['rename from ', (draft, name) => Object.assign(draft, { kind: 'rename', old: headerName(name) })],
  ['rename to ', (draft, name) => Object.assign(draft, { kind: 'rename', new: headerName(name) })],
  ['copy from ', (draft, name) => Object.assign(draft, { kind: 'copy', old: headerName(name) })],
  ['copy to ', (draft, name) => Object.assign(draft, { kind: 'copy', new: headerName(name) })],
  ['GIT binary patch', (draft) => Object.assign(draft, { binary: true })],
  ['Binary files ', (draft) => Object.assign(draft, { binary: true })],
];

function extend(draft: Draft, line: string): void {
  const found = EXTENDED.find(([word]) => line.startsWith(word));
  found?.[1](draft, line.slice(found[0].length).trim());
}

function finished(draft: Draft): FileChange[] {
  const { kind, old, new: now, old_mode, new_mode, binary, hunks } = draft;
  const says = kind !== 'edit' || binary || new_mode !== undefined || hunks.length > 0;
  if (!says) return [];
  if (old === '' || now === '') throw new Broken('the name of a file can not be told from its head (diff --git …)');
  return [
    {
      ...{ kind, binary, hunks },
      ...(kind !== 'new' && { old }),
      ...(kind !== 'delete' && { new: now }),
      ...(old_mode !== undefined && { old_mode }),
      ...(new_mode !== undefined && { new_mode }),
    },
  ];
}

interface ReadHunk {
  /** Absent where it changes nothing. */
  readonly hunk?: Hunk;
  readonly at: number;
  /** It has exactly as many lines as its head says. */
  readonly isWhole: boolean;
}

function readHunk(lines: readonly string[], start: number, kind: Block['kind']): ReadHunk {
  const head = HUNK.exec(lines[start] ?? '');
  if (!head) throw new Broken(`the head of a hunk has no line numbers: ${shown(lines[start])}`);
  const [, old_start, old_count = '1', new_start, new_count = '1', section = ''] = head;
  const body = new Body(Number(old_count), Number(new_count));
  let at = start + 1;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.startsWith('@@') || beginsPatch(lines, at)) break;
    if (line === '') body.blank();
    else if (' +-'.includes(line[0] ?? '')) {
      if (body.isFull && (isSignature(lines, at) || (kind === 'open' && body.hasBlanks))) break;
      body.take(line);
    } else if (line.startsWith('\\')) body.note(line);
    else if (body.isFull || (kind === 'open' && body.hasBlanks)) break;
    else throw new Broken(`a hunk holds a line without a sign (a space, + or -) in front: ${shown(line)}`); // R2
  }
  const taken = body.end();
  const hunk = { old_start: Number(old_start), new_start: Number(new_start), section: section.trimEnd(), lines: taken };
  const changes = taken.some((line) => !line.startsWith(' ') && !line.startsWith('\\'));
  return { ...(changes && { hunk }), at, isWhole: body.isExact };
}

/** R1 */
class Body {
  #old: number;
  #new: number;
  #blanks = 0;
  readonly #lines: string[] = [];

  constructor(old_count: number, new_count: number) {
    this.#old = old_count;
    this.#new = new_count;
  }

  get isFull(): boolean {
    return this.#old <= 0 && this.#new <= 0;
  }

  get isExact(): boolean {
    return this.#old === 0 && this.#new === 0;
  }

  get hasBlanks(): boolean {
    return this.#blanks > 0;
  }

  blank(): void {
    this.#blanks += 1;
  }

  take(line: string): void {
    while (this.#blanks > 0) this.#fill();
    if (!line.startsWith('+')) this.#old -= 1;
    if (!line.startsWith('-')) this.#new -= 1;
    this.#lines.push(line);
  }

  note(line: string): void {
    if (!this.hasBlanks && this.#lines.length > 0) this.#lines.push(line);
  }

  /** Blanks at the end belong to the hunk only as far as lines are missing. */
  end(): readonly string[] {
    while (this.#blanks > 0 && this.#old > 0 && this.#new > 0) this.#fill();
    return this.#lines;
  }

  #fill(): void {
    this.#blanks -= 1;
    this.#old -= 1;
    this.#new -= 1;
    this.#lines.push(' ');
  }
}

/** What `git format-patch` puts below a patch. */
function isSignature(lines: readonly string[], at: number): boolean {
  return /^-- ?$/.test(lines[at] ?? '') && /^\d+\.\d+/.test(lines[at + 1] ?? '');
}

const MAX_SHOWN = 80;

function shown(line = ''): string {
  return JSON.stringify(line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line);
}
