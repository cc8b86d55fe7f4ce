import type { Look, Structured } from '../cli.ts';
import { paintState } from '../paint.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';

export interface Worktree {
  readonly project: string;
  readonly id: string;
  readonly state: string;
  readonly branch: string;
  readonly base: string;
  readonly commits: number;
  readonly files_changed: number;
  readonly insertions: number;
  readonly deletions: number;
  readonly path: string;
  readonly uncommitted?: string;
  readonly changes: readonly string[];
  readonly kept?: string;
  readonly in_use: boolean;
}

export interface Cleaned {
  readonly project: string;
  readonly id: string;
  readonly what: 'removed' | 'kept' | 'in_use';
  readonly detail: string;
  readonly path: string;
}

const HEAD = ['TASK', 'STATE', 'BRANCH', 'COMMITS', 'DIFF', 'PATH'];

export function worktreesView(answer: Structured, look: Look): string {
  const trees = (answer.worktrees ?? []) as readonly Worktree[];
  if (trees.length === 0) return 'no worktrees\n';
  const rows = trees.map((tree) => [
    safeLine(`${tree.project}/${tree.id}`),
    paintState(look.paint, safeLine(tree.state)),
    safeLine(tree.branch),
    String(tree.commits),
    sizeText(tree),
    safeLine(tree.path),
  ]);
  const [head, ...lines] = table(
    HEAD.map((name) => look.paint('dim', name)),
    rows,
    look.width,
  ).split('\n');
  const under = (tree: Worktree) => {
    const why = tree.kept ?? tree.uncommitted;
    if (why === undefined) return '';
    return `  ${look.paint('yellow', safeLine(tree.kept === undefined ? why : `kept: ${why}`))}\n`;
  };
  return `${head}\n${trees.map((tree, row) => `${lines[row]}\n${under(tree)}`).join('')}`;
}

function sizeText({ files_changed, insertions, deletions }: Worktree): string {
  if (files_changed === 0) return '-';
  return `${files_changed} ${files_changed === 1 ? 'file' : 'files'} +${insertions} -${deletions}`;
}

const MOST = 20;

/** What goes with each, before anybody is asked. */
export function goingView(trees: readonly Worktree[], { paint }: Look): string {
  return trees
    .map(({ project, id, path, changes, uncommitted, branch, commits }) => {
      const lost = changes.slice(0, MOST).map((line) => `    ${paint('red', safeLine(line))}\n`);
      const more = changes.length > MOST ? `    and ${changes.length - MOST} more\n` : '';
      const what = uncommitted === undefined ? 'nothing in it is uncommitted' : `is lost: ${safeLine(uncommitted)}`;
      const stays = `${safeLine(branch)} with ${commits} ${commits === 1 ? 'commit' : 'commits'} stays`;
      return `${paint('bold', safeLine(`${project}/${id}`))}  ${safeLine(path)}\n  ${what}; ${stays}\n${lost.join('')}${more}`;
    })
    .join('');
}

export function cleanedView(answer: Structured, { paint }: Look): string {
  const cleaned = (answer.cleaned ?? []) as readonly Cleaned[];
  if (cleaned.length === 0) return 'nothing to clean\n';
  return cleaned
    .map(({ project, id, what, detail }) => {
      const word =
        what === 'removed' ? paint('green', 'removed') : paint('yellow', what === 'kept' ? 'kept' : 'in use');
      return `${word} ${safeLine(`${project}/${id}`)}: ${safeLine(detail)}\n`;
    })
    .join('');
}
