import type { Hold, HoldScope } from '../model/hold.ts';
import { isPersons } from '../model/hold.ts';
import { plainLine } from '../model/plain-text.ts';

/* What is said of holds, and which of them keeps a place from work. */

/** `paused by a person: the disk is being changed`. */
export function heldText(hold: Pick<Hold, 'kind' | 'by' | 'reason'>): string {
  const who = isPersons(hold) ? 'a person' : 'a client';
  return `${hold.kind === 'drain' ? 'drained' : 'paused'} by ${who}: ${plainLine(hold.reason)}`;
}

/** The hold of a place: under its own name, or of the program that works there. Its own name is told first. */
export function holdOfPlace(
  holds: readonly Hold[],
  { id, program }: { readonly id: string; readonly program?: string },
): Hold | undefined {
  const of = (name: string | undefined) =>
    holds.find(({ scope }) => name !== undefined && scope.of === 'agent' && scope.agent === name);
  return of(id) ?? of(program);
}

/** What is told of a held place; one that is away for another reason as well is back when both are over. */
export function heldPlace(
  hold: Hold | undefined,
  place: { readonly status: string; readonly until?: number },
): { status: 'offline'; held: Hold; detail: string; until: number | undefined } | undefined {
  if (!hold) return undefined;
  const away = place.status === 'offline';
  const until = away ? both(hold.until, place.until) : hold.until;
  return { status: 'offline', held: hold, detail: heldText(hold), until };
}

/** When both are over, where that is known of both. */
export function both(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.max(a, b);
}

/** When the first hold that a clock ends is over. */
export function nextHoldEnd(holds: Iterable<Hold>): number | undefined {
  let first: number | undefined;
  for (const { until } of holds) if (until !== undefined) first = Math.min(first ?? until, until);
  return first;
}

/** The command with which a person lets work begin there again. */
export function resumeCommand(scope: HoldScope, projectName: string): string {
  switch (scope.of) {
    case 'fleet':
      return 'yardmaster resume';
    case 'project':
      return `yardmaster resume --project ${word(projectName)}`;
    case 'agent':
      return `yardmaster resume --agent ${word(scope.agent)}`;
  }
}

/** The call with which a client ends what no person holds; people are shown the command in its place. */
export function resumeCall(scope: HoldScope, projectName: string): string {
  const name = scope.of === 'agent' ? scope.agent : projectName;
  const of = scope.of === 'fleet' ? '' : `, ${scope.of}: ${JSON.stringify(name)}`;
  return `pause_work {what: "resume"${of}}`;
}

function word(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
