import type { Need } from '../../runtime/yard.ts';
import type { Look, Structured } from '../cli.ts';
import { hintForPeople } from '../hints.ts';
import { paintState } from '../paint.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';
import { relative, span } from '../time.ts';
import { type Held, heldLine } from './holds.ts';

/** What `fleet_status` answers, as far as a person is shown it. */
interface FleetStatus extends Structured {
  readonly needs: readonly Need[];
  readonly counts: Readonly<Record<string, number>>;
  readonly agents: readonly Place[];
  readonly providers: readonly Place[];
  readonly sessions?: Readonly<Record<string, number>>;
  readonly profiles?: readonly {
    readonly agent: string;
    readonly name: string;
    readonly state: string;
    readonly until?: string;
  }[];
  readonly paused: { readonly all: boolean; readonly projects: readonly string[]; readonly holds?: readonly Held[] };
  readonly projects: readonly { readonly name: string; readonly path: string }[];
  readonly sinks?: readonly {
    readonly name: string;
    readonly state: string;
    readonly waiting: number;
    readonly missed: number;
    readonly trouble?: string;
  }[];
  readonly local_only?: boolean;
  readonly callbacks_owed?: number;
  readonly stopping?: { readonly until: string; readonly waits_for: readonly string[]; readonly kill: boolean };
  readonly converged: boolean;
  readonly pruned?: { readonly at: string; readonly runs: number; readonly events_files: number };
  readonly version: string;
  readonly home: string;
}

interface Place {
  readonly id: string;
  readonly kind?: string;
  readonly status: string;
  readonly load: number;
  readonly max: number;
  readonly detail?: string;
  readonly until?: string;
  readonly last_heartbeat?: string;
}

/** What needs a person stands first. */
export function fleetView(status: FleetStatus, look: Look): string {
  const parts = [
    stoppingPart(status, look),
    needsPart(status.needs, look),
    `${countsLine(status, look)}${holdsLines(status, look)}${sessionsLine(status, look)}${profilesLine(status, look)}${outwardLine(status, look)}${sinksLine(status, look)}${awayLine(status, look)}`,
    placesPart(status, look),
    projectsPart(status, look),
  ];
  const about = look.paint('dim', safeLine(`yardmaster ${status.version}, ${status.home}${prunedText(status, look)}`));
  return `${[...parts.filter((part) => part !== ''), `${about}\n`].join('\n')}`;
}

function stoppingPart({ stopping }: FleetStatus, { paint, now }: Look): string {
  if (stopping === undefined) return '';
  const { waits_for, until, kill } = stopping;
  const left = span(Math.max(Date.parse(until) - now, 1_000));
  const then = kill ? 'ended' : 'left to the next runtime';
  const what = `: waits up to ${left} for ${waits_for.map(safeLine).join(', ')}; what has not ended then is ${then}`;
  return `${paint('yellow', 'stopping')}${waits_for.length === 0 ? '' : what}\n`;
}

function prunedText({ pruned }: FleetStatus, { now }: Look): string {
  return pruned === undefined ? '' : `; ${pruned.runs} old runs cleared away ${relative(pruned.at, now)}`;
}

function needsPart(needs: readonly Need[], { paint }: Look): string {
  if (needs.length === 0) return `${paint('green', 'nothing needs you')}\n`;
  const lines = needs.map(
    ({ what, where, next }) =>
      `  ${safeLine(what)}  ${paint('dim', safeLine(where))}\n    → ${safeLine(hintForPeople(next))}\n`,
  );
  return `${paint('yellow', `${needs.length} ${needs.length === 1 ? 'needs' : 'need'} you`)}\n${lines.join('')}`;
}

function countsLine({ counts, paused, converged }: FleetStatus, { paint }: Look): string {
  const tasks = Object.entries(counts).map(([state, count]) => `${count} ${paintState(paint, safeLine(state))}`);
  const halted = paused.all
    ? 'everything is paused'
    : paused.projects.length > 0 && `paused: ${paused.projects.map(safeLine).join(', ')}`;
  const line = [tasks.join(', ') || 'no tasks', halted, !converged && 'files are being written'];
  return `${line.filter(Boolean).join('; ')}\n`;
}

function holdsLines({ paused: { holds = [] } }: FleetStatus, look: Look): string {
  return holds.map((held) => `${heldLine(held, look)}\n`).join('');
}

/** One line: `yardmaster sessions` shows each of them. */
function sessionsLine({ sessions = {} }: FleetStatus, { paint }: Look): string {
  const states = Object.entries(sessions).map(([state, count]) => `${count} ${paintState(paint, safeLine(state))}`);
  return states.length === 0 ? '' : `sessions: ${states.join(', ')}\n`;
}

function profilesLine({ profiles = [] }: FleetStatus, { paint, now }: Look): string {
  const each = profiles.map(({ agent, name, state, until }) => {
    const end = until === undefined ? '' : ` (${relative(until, now)})`;
    return `${safeLine(`${agent}/${name}`)} ${paintState(paint, safeLine(state))}${end}`;
  });
  return each.length === 0 ? '' : `accounts: ${each.join(', ')}\n`;
}

function outwardLine({ local_only, callbacks_owed = 0 }: FleetStatus, { paint }: Look): string {
  const owed = `${callbacks_owed} ${callbacks_owed === 1 ? 'callback is' : 'callbacks are'} owed`;
  const parts = [
    local_only && paint('yellow', 'local only: no callback or webhook is sent, nothing is delegated'),
    callbacks_owed > 0 && owed,
  ];
  const line = parts.filter(Boolean).join('; ');
  return line === '' ? '' : `${line}\n`;
}

function sinksLine({ sinks = [] }: FleetStatus, { paint }: Look): string {
  const each = sinks.map(({ name, state, waiting, missed, trouble }) => {
    const figures = [
      waiting > 0 && `${waiting} waiting`,
      missed > 0 && `${missed} missed`,
      trouble && safeLine(trouble),
    ];
    const more = figures.filter(Boolean).join(', ');
    return `${safeLine(name)} ${paintState(paint, safeLine(state))}${more && ` (${more})`}`;
  });
  return each.length === 0 ? '' : `sinks: ${each.join(', ')}\n`;
}

function placesPart({ agents, providers }: FleetStatus, { paint, width, now }: Look): string {
  const others = agents.filter(({ kind }) => kind !== 'session');
  const places = [...others, ...providers.map((provider) => ({ ...provider, kind: 'provider' }))];
  const anyHeard = places.some(({ last_heartbeat }) => last_heartbeat !== undefined);
  const head = ['NAME', 'KIND', 'STATUS', 'LOAD', ...(anyHeard ? ['HEARD'] : [])].map((word) => paint('dim', word));
  const rows = places.map(({ id, kind, status, load, max, last_heartbeat: heard }) => [
    safeLine(id),
    safeLine(kind ?? ''),
    paint(status === 'offline' ? 'red' : status === 'busy' ? 'cyan' : 'green', safeLine(status)),
    max === 0 ? String(load) : `${load} of ${max}`,
    ...(anyHeard ? [heard === undefined ? '' : relative(heard, now)] : []),
  ]);
  if (places.length === 0 && agents.length > 0) return '';
  return places.length === 0
    ? 'no agent is configured (`yardmaster config path` says where)\n'
    : table(head, rows, width);
}

/** A provider that gets nothing now holds every task that is meant for it. */
function awayLine({ providers }: FleetStatus, { paint, now }: Look): string {
  const away = providers.filter(({ status }) => status === 'offline');
  return away
    .map(({ id, detail, until }) => {
      const why = detail === undefined ? '' : `: ${safeLine(detail)}`;
      const end = until === undefined ? '' : ` (asked again ${relative(until, now)})`;
      return `${paint('yellow', `provider ${safeLine(id)} is away`)}${why}${end}\n`;
    })
    .join('');
}

function projectsPart({ projects }: FleetStatus, { paint, width }: Look): string {
  const head = ['PROJECT', 'PATH'].map((word) => paint('dim', word));
  return table(
    head,
    projects.map(({ name, path }) => [safeLine(name), safeLine(path)]),
    width,
  );
}
