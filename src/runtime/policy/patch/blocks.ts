/* Where in an answer a patch may stand. */

/** Lines that are to be read as a patch. */
export interface Block {
  readonly lines: readonly string[];
  /** `fenced`: nothing else is in it. `open`: words may stand around it. */
  readonly kind: 'fenced' | 'open';
  /** The fence that ends it is there. */
  readonly closed: boolean;
}

const PATCHES = new Set(['diff', 'patch', 'udiff', 'git']);

interface Mark {
  readonly indent: string;
  readonly mark: string;
  readonly language: string;
}

interface Fence extends Mark {
  readonly from: number;
  /** Looked at once: the lines behind it may be long, and what might end it many. */
  readonly is_patch: boolean;
}

/** Fenced blocks that are patches; without any, what stands in the open. */
export function blocksIn(text: string): Block[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.trim() !== '');
  if (first === -1) return [];
  if (beginsPatch(lines, first)) return [{ lines: lines.slice(first), kind: 'open', closed: true }];
  const { fenced, outside } = fencesOf(lines);
  if (fenced.length > 0) return fenced;
  const start = outside.findIndex((_, at) => beginsPatch(outside, at));
  return start === -1 ? [] : [{ lines: outside.slice(start), kind: 'open', closed: true }];
}

function fencesOf(lines: readonly string[]): { fenced: Block[]; outside: string[] } {
  const fenced: Block[] = [];
  const outside: string[] = [];
  let open: Fence | undefined;
  const take = (fence: Fence, to: number, closed: boolean) => {
    if (!fence.is_patch) return;
    fenced.push({ lines: unindented(lines.slice(fence.from, to), fence.indent), kind: 'fenced', closed });
  };
  lines.forEach((line, at) => {
    const mark = fenceAt(line);
    if (!open) {
      if (mark) open = { ...mark, from: at + 1, is_patch: isPatch(mark, lines, at + 1) };
      else outside.push(line);
    } else if (mark && ends(open, mark)) {
      take(open, at, true);
      open = undefined;
    }
  });
  if (open) take(open, lines.length, false);
  return { fenced, outside };
}

/** Without an expression that could look at a long line again and again. */
function fenceAt(line: string): Mark | undefined {
  const plain = line.trim();
  const sign = plain[0];
  if (sign !== '`' && sign !== '~') return undefined;
  let length = 1;
  while (plain[length] === sign) length += 1;
  const info = plain.slice(length);
  if (length < 3 || (sign === '`' && info.includes(sign))) return undefined;
  const [language = ''] = info.slice(0, 100).trim().toLowerCase().split(/\s/, 1);
  return { indent: line.slice(0, line.indexOf(sign)), mark: plain.slice(0, length), language };
}

/** In a patch a line of a file that is itself a fence stands behind a sign: only one without it ends the block. */
function ends(open: Fence, mark: Mark): boolean {
  if (!mark.mark.startsWith(open.mark) || mark.language !== '') return false;
  return mark.indent.length <= open.indent.length || !open.is_patch;
}

/** One that says so, or says nothing and begins like one. */
function isPatch({ language, indent }: Mark, lines: readonly string[], from: number): boolean {
  if (PATCHES.has(language)) return true;
  return language === '' && beginsPatch(unindented(lines.slice(from, from + 3), indent), 0);
}

function unindented(lines: readonly string[], indent: string): string[] {
  if (indent === '') return [...lines];
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()));
}

export function beginsPatch(lines: readonly string[], at: number): boolean {
  return lines[at]?.startsWith('diff --git ') === true || namesAt(lines, at);
}

/** Nothing but the head of a file's part looks like these three lines. */
export function namesAt(lines: readonly string[], at: number): boolean {
  if (!lines[at]?.startsWith('--- ')) return false;
  return lines[at + 1]?.startsWith('+++ ') === true && lines[at + 2]?.startsWith('@@') === true;
}
