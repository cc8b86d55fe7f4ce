import type { Session } from '../../tools/sessions/session.ts';
import type { Look, Structured } from '../cli.ts';
import { hintForPeople } from '../hints.ts';
import { paintState } from '../paint.ts';
import { safeLine, safeText } from '../safe-text.ts';
import { table } from '../table.ts';
import { relative, span } from '../time.ts';
import { fieldLines } from './fields.ts';

interface Asked {
  readonly kind: 'permission' | 'question';
  readonly tool: string;
  readonly input: string;
  readonly questions?:
    | readonly { readonly question: string; readonly options: readonly { readonly label: string }[] }[]
    | undefined;
}

const COLUMNS: readonly (readonly [string, (session: Session, look: Look) => string])[] = [
  ['NAME', ({ name }) => safeLine(name)],
  ['KIND', ({ kind, managed }) => safeLine(managed === false && kind !== 'unmanaged' ? `${kind}, not ours` : kind)],
  ['STATE', stateText],
  ['SEEN', seenText],
  ['MODEL', ({ model }) => safeLine(model ?? '')],
  ['CONTEXT', ({ context_tokens: tokens }) => (tokens === undefined ? '' : `${Math.round(tokens / 1_000)}k`)],
  ['COST', ({ cost_usd: cost }) => (cost === undefined ? '' : `$${cost.toFixed(2)}`)],
  ['TASK', taskText],
];

/** One line for each, and under it what it wants of a person. A column that says nothing of anybody is left out. */
export function sessionsView(answer: Structured, look: Look): string {
  const sessions = Array.isArray(answer.sessions) ? (answer.sessions as Session[]) : [];
  if (sessions.length === 0) return 'no sessions: no pool and no agent is configured (see `yardmaster config path`)\n';
  const columns = COLUMNS.map(([head, text]) => ({ head, cells: sessions.map((one) => text(one, look)) }));
  const shown = columns.filter(({ cells }) => cells.some((cell) => cell !== ''));
  const lines = table(
    shown.map(({ head }) => look.paint('dim', head)),
    sessions.map((_, row) => shown.map(({ cells }) => cells[row] ?? '')),
    look.width,
  ).split('\n');
  const [head, ...rows] = lines;
  const all = sessions.map((session, row) => `${rows[row]}\n${wants(session, look)}`);
  const more = typeof answer.not_shown === 'number' ? `and ${answer.not_shown} more\n` : '';
  return `${head}\n${all.join('')}${more}`;
}

function stateText({ state, blocked_on, until }: Session, look: Look): string {
  const on = blocked_on === undefined ? '' : `: ${safeLine(blocked_on)}`;
  const end = until === undefined ? '' : ` ${relative(until, look.now)}`;
  return `${paintState(look.paint, safeLine(state))}${on}${end}`;
}

function seenText({ evidence, last_heard }: Session, look: Look): string {
  if (last_heard !== undefined) return relative(last_heard, look.now);
  return evidence === undefined
    ? ''
    : `${span(evidence.age_seconds * 1_000)} (${safeLine(evidence.from).slice(0, 24)})`;
}

function taskText({ task, project, more_tasks }: Session): string {
  if (task === undefined) return project === undefined ? '' : `(for ${safeLine(project)})`;
  const more = more_tasks === undefined ? '' : ` (and ${more_tasks} more)`;
  return safeLine(`${task.project}/${task.id}${more}  ${task.title}`);
}

function wants({ detail, requests = [], next }: Session, look: Look): string {
  const asked = requests.map((one) => `${requestView(one, look)}${arrow(one.next)}`);
  const said = detail === undefined ? '' : `  ${safeLine(detail)}\n`;
  return `${said}${asked.join('')}${next === undefined || asked.length > 0 ? '' : arrow(next)}`; // each request says itself what to do
}

function arrow(next: string): string {
  return `  → ${safeLine(hintForPeople(next))}\n`;
}

/** What an agent asks, whole: who allows it has to see it to its end. */
export function requestView({ kind, tool, input, questions = [] }: Asked, { paint }: Look): string {
  if (kind === 'permission') return `  asks to use ${paint('bold', safeLine(tool))}\n${indented(input)}`;
  const each = questions.map(({ question, options }) => {
    const labels = options.map(({ label }) => `      ${safeLine(label)}\n`);
    return `  asks: ${paint('bold', safeLine(question))}\n${labels.join('')}`;
  });
  return each.join('') || `  asks\n${indented(input)}`;
}

function indented(text: string): string {
  return `${safeText(text).trimEnd().replace(/^/gm, '      ')}\n`;
}

/** What became of an answer. */
export function answeredView(answer: Structured, { paint }: Look): string {
  const { as, request_id, tool, kind, input, session, detail } = answer;
  const what =
    kind === 'permission' ? ` ${safeLine(String(tool))}: ${safeLine(String(input ?? '')).slice(0, 200)}` : '';
  return `${paint('green', safeLine(String(as)))} ${safeLine(String(request_id))}${what}  ${paint('dim', safeLine(String(session)))}\n${detail === undefined ? '' : `  ${safeLine(String(detail))}\n`}`;
}

/** What became of a message. */
export function sentView(answer: Structured, { paint }: Look): string {
  const { name, verdict, detail, next } = answer;
  const colour = verdict === 'delivered' ? 'green' : 'yellow';
  const more = detail === undefined ? '' : `: ${safeLine(String(detail))}`;
  return `${paint(colour, safeLine(String(verdict)))} ${safeLine(String(name))}${more}\n${next === undefined ? '' : arrow(String(next))}`;
}

/** The output alone where there is some, so that it can be piped; else what is said instead. */
export function screenView(answer: Structured, look: Look): string {
  const { text } = answer;
  return typeof text === 'string' ? safeText(text) : fieldLines(answer, look);
}
