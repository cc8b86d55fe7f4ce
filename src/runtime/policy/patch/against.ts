import type { FileChange, Patch } from './change.ts';

/*
 * What of a stranger's patch must never reach a working tree. Git refuses most of it too; this holds whatever git and
 * file system are there, and says why.
 */

const MAX_PATH = 4_096;
const MAX_NAME = 255; // bytes; no file system takes more, and git would fail half way
const MAX_PATHS = 1_000_000; // together: git lists them
const FILES = new Set(['100644', '100755']);

/** Why this patch is not applied; undefined where nothing stands against it. */
export function against({ changes }: Pick<Patch, 'changes'>): string | undefined {
  const length = changes.reduce((sum, { old, new: now }) => sum + (old?.length ?? 0) + (now?.length ?? 0), 0);
  if (length > MAX_PATHS) return 'the names of its files are too long together';
  for (const change of changes) {
    const reason = againstChange(change);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function againstChange(change: FileChange): string | undefined {
  for (const path of [change.old, change.new]) {
    const reason = path === undefined ? undefined : againstPath(path);
    if (reason !== undefined) return reason;
  }
  const name = shown(change.new ?? change.old ?? '');
  if (change.binary) return `${name} is changed by a binary patch`;
  const mode = [change.old_mode, change.new_mode].find((one) => one !== undefined && !FILES.has(one));
  return mode === undefined ? undefined : `${name} ${againstMode(mode)}`;
}

export function againstMode(mode: string): string {
  if (mode === '120000') return 'is a symbolic link';
  if (mode === '160000') return 'is a submodule';
  return `has the mode ${shown(mode)}, and only 100644 and 100755 are allowed`;
}

export function againstPath(path: string): string | undefined {
  const name = shown(path);
  if (path === '' || path.length > MAX_PATH) return `${name} is no name of a file`;
  if (/\p{Cc}/u.test(path)) return `${name} holds control characters`;
  if (path.includes('\\')) return `${name} holds a backslash`;
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return `${name} is an absolute path`;
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return `${name} leads out of the project, or is not plain`;
    if (Buffer.byteLength(part) > MAX_NAME) return `${name} is no name of a file`;
    const reason = againstName(part);
    if (reason !== undefined) return `${name} ${reason}`;
  }
  return undefined;
}

/** In any spelling that some file system takes for the same name: case, what HFS+ ignores, ends and streams of NTFS, 8.3 names. */
function againstName(part: string): string | undefined {
  const plain = part
    .normalize('NFKC')
    .replace(/\p{Cf}|\p{Variation_Selector}/gu, '')
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
    .toLowerCase();
  if (plain === '.git' || /^git~\d+$/.test(plain)) return 'is git’s own';
  if (plain === '.agent-queue' || /^agent-~\d+$/.test(plain)) return 'lies in a queue of Yardmaster';
  if (/^\.git(attributes|modules)$|^(gitatt|gitmod|gi[0-9a-f]{4})~\d+$/.test(plain))
    return 'says which programs git runs';
  return undefined;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
