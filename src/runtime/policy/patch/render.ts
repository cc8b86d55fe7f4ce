import type { FileChange, Hunk } from './change.ts';
import { NOTHING, quotedForGit } from './names.ts';

/** As git reads it. */
export function rendered(changes: readonly FileChange[]): string {
  const parts: string[] = [];
  for (const change of changes) {
    parts.push(...headOf(change));
    for (const hunk of change.hunks) parts.push(hunkHead(hunk), hunk.lines.join('\n'));
  }
  return `${parts.join('\n')}\n`;
}

function headOf({ kind, old, new: now, old_mode, new_mode, binary, hunks }: FileChange): string[] {
  const [from, to] = [old ?? now ?? '', now ?? old ?? ''];
  const head = [`diff --git ${quotedForGit(`a/${from}`)} ${quotedForGit(`b/${to}`)}`];
  if (kind === 'new') head.push(`new file mode ${new_mode ?? '100644'}`);
  else if (kind === 'delete') head.push(`deleted file mode ${old_mode ?? '100644'}`);
  else if (new_mode !== undefined) head.push(`old mode ${old_mode ?? '100644'}`, `new mode ${new_mode}`);
  if (kind === 'rename' || kind === 'copy')
    head.push(`${kind} from ${quotedForGit(from)}`, `${kind} to ${quotedForGit(to)}`);
  if (binary) head.push(`Binary files ${quotedForGit(`a/${from}`)} and ${quotedForGit(`b/${to}`)} differ`);
  if (hunks.length > 0) head.push(`--- ${named('a', old)}`, `+++ ${named('b', now)}`);
  return head;
}

/** A name with a space ends at the tab behind it. */
function named(prefix: 'a' | 'b', name: string | undefined): string {
  if (name === undefined) return NOTHING;
  return `${quotedForGit(`${prefix}/${name}`)}${name.includes(' ') ? '\t' : ''}`;
}

function hunkHead({ old_start, new_start, section, lines }: Hunk): string {
  let [old, now] = [0, 0];
  for (const line of lines) {
    if (line.startsWith(' ') || line.startsWith('-')) old += 1;
    if (line.startsWith(' ') || line.startsWith('+')) now += 1;
  }
  return `@@ -${old_start},${old} +${new_start},${now} @@${section}`;
}
