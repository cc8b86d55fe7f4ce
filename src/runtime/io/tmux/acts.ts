import type { Key, PaneFact, PaneFacts, PaneTarget } from '../../terminals.ts';
import { FACTS, factOption, HOME_OPTION } from './panes.ts';
import { list, word, words } from './quote.ts';

/*
 * Everything that changes a pane, as tmux commands. Each act stands behind a condition that tmux evaluates at that very
 * moment: the pane carries our mark and runs the process that was meant. So nothing that happened since the decision (a
 * person's respawn, a death, copy mode) can turn an act against something else.
 */

export type Condition = 'ours' | 'typing' | 'unmarked';

/** The last thing that a guarded act says when all of it was done. */
export const DONE = 'ym done';
const REFUSED = 'ym refused';

export function guarded(target: PaneTarget, condition: Condition, mark: string, commands: readonly string[]): string {
  const seen = `${REFUSED} #{pane_pid} #{pane_in_mode} #{pane_dead} #{${HOME_OPTION}}`;
  const otherwise = `display-message -p -t ${target.pane} ${word(seen)}`;
  const allowed = word(formatOf(condition, target.pid, mark));
  return `if-shell -F -t ${target.pane} ${allowed} { ${list(commands)} } { ${otherwise} }`;
}

function formatOf(condition: Condition, pid: number, mark: string): string {
  const same = (what: string, value: string) => `#{==:#{${what}},${value}}`;
  const both = (one: string, other: string) => `#{&&:${one},${other}}`;
  const process = same('pane_pid', String(pid));
  switch (condition) {
    case 'unmarked':
      return both(process, same(HOME_OPTION, ''));
    case 'ours':
      return both(process, same(HOME_OPTION, mark));
    case 'typing':
      return both(both(process, same(HOME_OPTION, mark)), both(same('pane_in_mode', '0'), same('pane_dead', '0')));
  }
}

export interface SeenInstead {
  readonly exists: boolean;
  readonly pid: number;
  readonly in_mode: boolean;
  readonly dead: boolean;
  readonly home: string;
}

/** Why a guarded act did not happen; undefined where its answer says no such thing. */
export function seenInstead(out: string): SeenInstead | undefined {
  const line = out.split('\n').find((text) => text.startsWith(REFUSED));
  if (line === undefined) return undefined;
  const [pid = '', mode = '', dead = '', home = ''] = line.slice(REFUSED.length + 1).split(' ');
  return { exists: pid !== '', pid: Number(pid), in_mode: Number(mode) > 0, dead: dead === '1', home };
}

/** The news of a death reach us through this channel. */
export function channel(mark: string): string {
  return `yardmaster-${mark}`;
}

/**
 * What makes a pane ours. The pane stays when its program ends, so that its end can be seen; its hook wakes us, and hides
 * a hook that the person may have for all panes: one that respawns the dead would run an attempt twice. Programs can't
 * rename the session's windows.
 */
export function markPane(pane: string, mark: string): string[] {
  return [
    `set-option -p -t ${pane} remain-on-exit on`,
    `set-option -p -q -t ${pane} remain-on-exit-format ""`, // its line would push one of the last screen away
    `set-option -p -t ${pane} allow-rename off`,
    `set-option -w -t ${pane} automatic-rename off`,
    `set-hook -p -t ${pane} pane-died ${word(`wait-for -S ${channel(mark)}`)}`,
    `set-option -p -t ${pane} ${HOME_OPTION} ${mark}`,
  ];
}

/** For a session that we made ourselves. */
export function hearRename(pane: string, mark: string): string {
  return `set-hook -t ${pane} session-renamed ${word(`wait-for -S ${channel(mark)}`)}`;
}

export function setFacts(pane: string, facts: Readonly<Partial<Record<PaneFact, string | undefined>>>): string[] {
  return FACTS.filter((fact) => fact in facts).map((fact) => {
    const value = facts[fact];
    const flags = value === undefined ? '-p -u' : '-p';
    return `set-option ${flags} -t ${pane} ${factOption(fact)}${value === undefined ? '' : ` ${word(value)}`}`;
  });
}

/** The facts of an attempt replace those of the one before, whole. */
export function replaceFacts(pane: string, facts: PaneFacts): string[] {
  return setFacts(pane, { ...Object.fromEntries(FACTS.map((fact) => [fact, undefined])), ...facts });
}

export function respawn(pane: string, argv: readonly string[], env: Readonly<Record<string, string>>): string {
  const variables = Object.entries(env).map(([name, value]) => `-e ${word(`${name}=${value}`)}`);
  return ['respawn-pane -k', ...variables, `-t ${pane} --`, words(argv)].join(' ');
}

/** The process that a pane has now. */
export function tellPid(pane: string): string {
  return `display-message -p -t ${pane} "ym pid #{pane_id} #{pane_pid}"`;
}

export function toldPid(out: string): PaneTarget | undefined {
  const [, pane, pid] = /^ym pid (%\d+) (\d+)$/m.exec(out) ?? [];
  return pane === undefined ? undefined : { pane, pid: Number(pid) };
}

export function press(pane: string, key: Key): string {
  return `send-keys -t ${pane} ${key}`;
}
