import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { clockTime } from '../time.ts';

export interface EventRecord {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly cause?: { readonly by?: string };
  readonly events?: readonly Readonly<Record<string, unknown>>[];
}

/** One line per event: time, what, which task, why. */
export function eventLine(record: EventRecord, look: Look): string {
  const time = look.paint('dim', clockTime(record.at, look.now));
  const events = record.events?.length ? record.events : [{ type: record.type }];
  return events.map((event) => `${time}  ${[what(event), ...details(event)].map(safeLine).join('  ')}\n`).join('');
}

export function what(event: Readonly<Record<string, unknown>>): string {
  return String(event.type).replaceAll('_', ' ');
}

/** Of a limit: what it is, or how much of it is used. */
function figures({ what, used, limit, currency }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof limit !== 'number') return undefined;
  if (what === 'max_job_duration' || (what === 'cooldown' && used === undefined)) return `${limit / 1_000} s`;
  const money = typeof currency === 'string' ? ` ${currency}` : '';
  if (typeof used === 'number') return `${used} of ${limit}${money}`;
  return limit === 0 ? 'no limit' : `${limit}${money}`;
}

export function details(event: Readonly<Record<string, unknown>>): string[] {
  const inner = (key: string): Readonly<Record<string, unknown>> =>
    typeof event[key] === 'object' && event[key] !== null ? (event[key] as Record<string, unknown>) : {};
  const parts = [
    event.id ?? inner('task').id ?? inner('project').name ?? event.name ?? event.profile,
    event.session,
    event.attempt === undefined || event.attempt === 0 ? undefined : `attempt ${event.attempt}`,
    inner('route').agent ?? inner('route').provider,
    inner('outcome').state ?? event.what ?? (event.type === 'task_finished' ? event.state : undefined),
    figures(event),
    event.reason ??
      inner('outcome').reason ??
      event.why ??
      event.message ??
      event.how ??
      event.detail ??
      inner('task').title ??
      event.title,
  ];
  return parts.filter((part) => part !== undefined && part !== '').map(String);
}
