import { randomBytes } from 'node:crypto';
import { plainLine } from '../../model/plain-text.ts';
import type { PaneFact, PaneFacts, PaneLife, PaneView } from '../../terminals.ts';

/*
 * One look at all panes. Fields and records are parted by random words: titles, names and other people's options may
 * hold anything, line breaks included, and still can't pretend to be a field.
 */

export const HOME_OPTION = '@ym_home';
export const FACTS: readonly PaneFact[] = ['name', 'project', 'task', 'attempt', 'agent_session', 'state'];

export function factOption(fact: PaneFact): string {
  return `@ym_${fact}`;
}

const FIELDS = [
  ...['pane_id', 'pane_pid', 'pane_dead', 'pane_dead_status', 'pane_dead_signal', 'pane_in_mode'],
  ...['pane_width', 'pane_height', 'session_attached', 'window_activity'],
  ...['session_name', 'pane_current_command', 'pane_title', HOME_OPTION, ...FACTS.map(factOption)],
] as const;

export interface Look {
  readonly server: { readonly pid: number; readonly started: string };
  readonly panes: PaneView[];
}

export interface PaneTable {
  readonly command: readonly string[];
  /** Undefined where this is no look at all. What of it can't be read is left out. */
  read(out: string): Look | undefined;
}

export function paneTable(): PaneTable {
  const word = randomBytes(12).toString('hex');
  const [field, record] = [`${word}f`, `${word}r`];
  const format = `${FIELDS.map((name) => `#{${name}}`).join(field)}${record}`;
  return {
    command: ['display-message', '-p', `${word} #{pid} #{start_time}`, ';', 'list-panes', '-a', '-F', format],
    read(out) {
      const end = out.indexOf('\n');
      const [first, pid, started] = out.slice(0, end).split(' ');
      if (first !== word || pid === undefined || started === undefined) return undefined;
      const records = out.slice(end + 1).split(record);
      const rows = records.map((text) => text.replace(/^\n/, '').split(field));
      const panes = rows.filter((fields) => fields.length === FIELDS.length).map(viewOf);
      return { server: { pid: Number(pid), started }, panes };
    },
  };
}

function viewOf(fields: readonly string[]): PaneView {
  const value = (name: (typeof FIELDS)[number]) => fields[FIELDS.indexOf(name)] ?? '';
  const home = plainLine(value(HOME_OPTION));
  return {
    pane: value('pane_id'),
    session: plainLine(value('session_name')),
    pid: Number(value('pane_pid')),
    life: lifeOf(value('pane_dead'), value('pane_dead_status'), value('pane_dead_signal')),
    command: plainLine(value('pane_current_command')),
    title: plainLine(value('pane_title')),
    width: Number(value('pane_width')),
    height: Number(value('pane_height')),
    in_mode: Number(value('pane_in_mode')) > 0,
    attached: Number(value('session_attached')),
    active_at: Number(value('window_activity')) * 1_000,
    ...(home !== '' && { home }),
    facts: factsOf((fact) => plainLine(value(factOption(fact)))),
  };
}

/** tmux calls a pane dead as soon as its terminal is closed; only a status or a signal says that the process has ended. */
function lifeOf(dead: string, status: string, signal: string): PaneLife {
  if (dead !== '1') return { kind: 'live' };
  if (signal !== '') return { kind: 'dead', signal: plainLine(signal) };
  return status === '' ? { kind: 'hung_up' } : { kind: 'dead', status: Number(status) };
}

function factsOf(read: (fact: PaneFact) => string): PaneFacts {
  return Object.fromEntries(FACTS.map((fact) => [fact, read(fact)]).filter(([, value]) => value !== ''));
}
