import { plainLine } from '../model/plain-text.ts';
import type { FinishedTask, Outcome } from '../model/task.ts';
import type { Took, Try } from '../model/try.ts';
import { costText } from './tries.ts';

/*
 * What a person needs to decide how a task goes on that has failed for good: what was tried and what it took, what is left
 * of it, and the commands. It stands before all that agents and programs wrote, so that no text of theirs can stand for it.
 */

export interface Deceased {
  readonly task: FinishedTask;
  readonly outcome: Exclude<Outcome, { state: 'done' }>;
  readonly tries: readonly Try[];
  readonly took?: Took | undefined;
  /** Without it there are no commands. */
  readonly project?: { readonly name: string; readonly path: string } | undefined;
}

const MAX_REASON = 300;

export function deadLetter(dead: Deceased): string {
  return tookPart(dead) + triedPart(dead) + leftPart(dead) + goOnPart(dead);
}

function tookPart({ took, task }: Deceased): string {
  const parts = [
    ...(took?.tokens === undefined ? [] : [`${took.tokens} tokens`]),
    ...(took?.costs ?? []).map(costText),
  ];
  if (parts.length === 0) return '';
  return `\n${task.attempts === 1 ? 'It' : 'Together they'} took ${parts.join(' and ')}.\n`;
}

function triedPart({ tries, task }: Deceased): string {
  if (tries.length === 0) return '';
  const kept = tries.length < task.attempts ? `The newest ${tries.length} of ${task.attempts}:\n\n` : '';
  return `\n## What was tried\n\n${kept}${tries.map(tryLine).join('')}`;
}

/** `2. claude (opus), 2026-11-22T01:00:00.000Z, 14 s: crash: it was killed; it counted; 0.0421 USD` */
export function tryLine(one: Try): string {
  const { attempt, agent, provider, model, profile, started_at, ended_at, error_class, exit_code, used } = one;
  const where = [model, profile && `account ${profile}`].filter((part) => part !== undefined);
  const took = [used?.tokens === undefined ? '' : `${used.tokens} tokens`, used?.cost ? costText(used.cost) : ''];
  const how = [
    one.ended === 'done' ? 'done' : `${error_class ?? one.ended}: ${reasonOf(one)}`,
    exit_code === undefined ? '' : `exit code ${exit_code}`,
    one.spent ? '' : 'it cost no attempt',
    one.next_at === undefined || one.next_at <= ended_at ? '' : `the next one not before ${iso(one.next_at)}`,
    ...took,
    one.session_id === undefined ? '' : `conversation ${plainLine(one.session_id)}`,
    one.job_id === undefined ? '' : `job ${plainLine(one.job_id)}`,
  ].filter((part) => part !== '');
  const who =
    plainLine(agent ?? provider ?? 'somebody') + (where.length > 0 ? ` (${plainLine(where.join(', '))})` : '');
  return `${attempt}. ${who}, ${iso(started_at)}, ${seconds(ended_at - started_at)}: ${how.join('; ')}\n`;
}

function reasonOf({ reason = '' }: Try): string {
  const line = plainLine(reason.replace(/\s+/g, ' '));
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON - 1)}…` : line;
}

function leftPart({ outcome, tries, project }: Deceased): string {
  const workspace = outcome.workspace;
  const newest = tries.at(-1);
  const lines = [
    workspace &&
      `- branch ${workspace.branch}: ${workspace.commits} commits on ${workspace.base}, ${workspace.files_changed} files changed`,
    workspace?.kept !== undefined && `- its worktree: ${workspace.kept} (something in it is in no commit)`,
    checkLine(outcome),
    newest && byHand(newest, workspace?.kept ?? project?.path),
  ].filter((line) => typeof line === 'string');
  return lines.length === 0 ? '' : `\n## What is left\n\n${lines.map((line) => `${line}\n`).join('')}`;
}

function checkLine(outcome: Deceased['outcome']): string | undefined {
  const verify = outcome.state === 'failed' ? outcome.evidence?.verify : undefined;
  if (!verify) return undefined;
  const how = verify.exit_code === undefined ? 'stopped at its time limit' : `exit code ${verify.exit_code}`;
  return `- its check: ${plainLine(verify.command)}: ${how} after ${verify.seconds} s`;
}

/** How each program takes a conversation up at a terminal. */
const TAKES_UP: Readonly<Record<string, string>> = {
  claude: 'claude --resume',
  codex: 'codex resume',
  gemini: 'gemini --resume',
};

function byHand({ program, session_id, profile }: Try, folder: string | undefined): string | undefined {
  const command = program === undefined ? undefined : TAKES_UP[program];
  if (command === undefined || session_id === undefined || !/^[\w.-]+$/.test(session_id)) return undefined;
  const account = profile === undefined ? '' : `, as account ${profile}`;
  const where = folder === undefined ? '' : `, in ${folder}`;
  return `- its conversation, to go on with by hand${where}${account}: ${command} ${session_id}`;
}

function goOnPart({ task, outcome, tries, project }: Deceased): string {
  if (!project) return '';
  const name = shellWord(`${project.name}/${task.id}`);
  const newest = tries.at(-1);
  const commands: (readonly [string, string])[] = [
    [`yardmaster retry ${name}`, 'the same text once more, as a new task'],
    [`yardmaster retry ${name} --agent NAME`, 'by another agent; yardmaster status lists them'],
    [`yardmaster retry ${name} --model NAME`, 'on another model'],
    [`yardmaster retry ${name} --instructions "…"`, 'with further words'],
    ...(newest?.program !== undefined && newest.session_id !== undefined
      ? [[`yardmaster retry ${name} --resume --instructions "…"`, 'in the same conversation and folder'] as const]
      : []),
    [`yardmaster show ${name} --detail log`, 'the end of its output'],
  ];
  const first =
    outcome.state === 'failed' && outcome.error_class === 'unconfirmed'
      ? 'Look for it at its provider first: a retry may do it a second time.\n\n'
      : '';
  const width = Math.max(...commands.map(([command]) => command.length));
  const lines = commands.map(([command, what]) => `    ${command.padEnd(width)}  # ${what}\n`);
  return `\n## How to go on\n\n${first}${lines.join('')}`;
}

function shellWord(word: string): string {
  return /^[\w./@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s`;
}
