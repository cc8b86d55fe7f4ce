import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { clockTime } from '../time.ts';

/** One event, as the runtime tells it: what else it says depends on its type. */
export interface ToldLine extends Readonly<Record<string, unknown>> {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly by: string;
}

/** Time, what, about which task or place, why. */
export function eventLine(event: ToldLine, look: Look): string {
  const time = look.paint('dim', clockTime(Date.parse(event.at), look.now));
  return `${time}  ${saidIn(event)}\n`;
}

export function saidIn(event: ToldLine): string {
  return [event.type.replaceAll('_', ' '), ...details(event)].map(safeLine).join('  ');
}

function details(event: ToldLine): string[] {
  const { attempt, agent, provider, profile, task } = event;
  const parts = [
    aboutWhat(event),
    attempt === undefined || attempt === 0 ? undefined : `attempt ${attempt}`,
    profile === undefined || task !== undefined ? (agent ?? provider) : undefined,
    event.error_class ?? event.on,
    amounts(event),
    event.reason ?? event.why ?? event.message ?? event.how ?? event.detail ?? event.title,
    event.as === undefined ? undefined : `as ${event.as}`,
    event.ok === false ? 'given up' : undefined,
  ];
  return parts.filter((part) => part !== undefined && part !== '').map(String);
}

function aboutWhat({ project, task, session, agent, profile, worker, sink, name, of, what }: ToldLine): unknown {
  if (task !== undefined) return project === undefined ? task : `${project}/${task}`;
  if (profile !== undefined) return `${agent}/${profile}`;
  if (of !== undefined) return `${of} ${name}: ${what}`;
  if (project !== undefined && name !== undefined) return `${project}: ${name}`;
  return session ?? worker ?? sink ?? project;
}

/** What was used, and how much there is. */
function amounts({ tokens, cost, currency, used, limit, count, waiting }: ToldLine): string | undefined {
  const parts = [
    tokens !== undefined && `${tokens} tokens`,
    cost !== undefined && `${cost} ${currency}`,
    used !== undefined && `${used} of ${limit}${currency === undefined ? '' : ` ${currency}`}`,
    used === undefined && limit !== undefined && `now ${limit}`,
    count !== undefined && `${count} not told`,
    typeof waiting === 'number' && waiting > 1 && `${waiting} tasks`,
  ];
  return parts.filter(Boolean).join(', ');
}
