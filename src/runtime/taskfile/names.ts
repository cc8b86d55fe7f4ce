import { TaskId, taskIdProblem } from '../model/ids.ts';

export type NamedKind = 'task' | 'dispatched' | 'delegated' | 'attempt';

/** What a name in inbox/ stands for. */
export type EntryName =
  | { readonly kind: NamedKind; readonly id: TaskId }
  /** The stem can't be a task's id; `as` says what the file would be otherwise. */
  | { readonly kind: 'unusable'; readonly as: NamedKind; readonly problem: string; readonly safe: TaskId }
  | { readonly kind: 'ignored'; readonly why: 'ours' | 'editor' | 'not_markdown' };

export const TEMP_PREFIX = '.ym-tmp-';

/** What editors, browsers and copy programs leave for a moment or for ever. */
const TEMPORARIES: readonly RegExp[] = [
  /^\./, // hidden: .x.md.swp, .#x.md, .goutputstream-…, .x.md.aB3dE6 of rsync
  /~$/,
  /^~\$/,
  /^#.*#$/,
  /^4913$/,
  /^__+jb_/,
  /___jb_(tmp|old)___$/,
  /\.(sw[a-p]|swx|tmp|temp|part|partial|filepart|crdownload|download|bak|backup|orig|rej|old|lock|un~|kate-swp)$/i,
  /\.tmp\.\d[\d.]*$/i,
  /\.sb-[\w-]+$/,
];

const SUFFIXES = [
  ['.md.dispatched', 'dispatched'],
  ['.md.delegated', 'delegated'],
  ['.attempt.json', 'attempt'],
  ['.md', 'task'],
] as const;

export function classify(name: string): EntryName {
  if (name.startsWith(TEMP_PREFIX)) return { kind: 'ignored', why: 'ours' };
  if (TEMPORARIES.some((pattern) => pattern.test(name))) return { kind: 'ignored', why: 'editor' };
  for (const [suffix, kind] of SUFFIXES) {
    if (!name.endsWith(suffix)) continue;
    const stem = name.slice(0, -suffix.length);
    const id = TaskId.safeParse(stem);
    if (id.success) return { kind, id: id.data };
    return { kind: 'unusable', as: kind, problem: taskIdProblem(stem) ?? 'it is not usable', safe: safeId(stem) };
  }
  return { kind: 'ignored', why: 'not_markdown' };
}

/** An id as close to the stem as a file name of ours may be. */
export function safeId(stem: string): TaskId {
  const plain = stem.replace(/[^\p{L}\p{N}_ .@+=,()~-]/gu, '_').replace(/\.{2,}/g, '_');
  let short = '';
  for (const char of plain) {
    if (Buffer.byteLength(short + char) > 100) break;
    short += char;
  }
  const trimmed = short.replace(/[ .]+$/, '');
  return TaskId.parse(/^[\p{L}\p{N}_]/u.test(trimmed) ? trimmed : `drop_${trimmed}`.replace(/[ .]+$/, ''));
}

/** `<id>-2`, `<id>-3` … within the length that an id may have. */
export function numbered(id: TaskId, n: number): TaskId {
  const tail = `-${n}`;
  let stem: string = id;
  while (taskIdProblem(stem + tail) !== undefined && stem.length > 1) stem = Array.from(stem).slice(0, -1).join('');
  return TaskId.parse(stem + tail);
}
