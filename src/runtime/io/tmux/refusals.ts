import { plainLine } from '../../model/plain-text.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { PaneTarget, Unconfirmed } from '../../terminals.ts';
import { seenInstead } from './acts.ts';
import type { Answer } from './client.ts';

/* What is said when something did not happen: to what, and what to do next. */

/** For an act: it did not happen, or nobody knows. */
export function unsure(answer: Exclude<Answer, { kind: 'answered' }>): Refusal | Unconfirmed {
  switch (answer.kind) {
    case 'no_server':
      return refuse('not_found', 'no tmux server is running: its panes are gone', 'list_sessions shows what is there');
    case 'refused':
      return answer.refusal;
    case 'unanswered':
      return { unconfirmed: true, reason: plainLine(answer.reason) };
  }
}

export function unanswered(reason: string): Refusal {
  return refuse(
    'unavailable',
    `tmux did not answer: ${plainLine(reason)}; nothing is known about the sessions`,
    'it is tried again by itself; tmux list-sessions shows what the server says',
  );
}

export function notThere(pane: string): Refusal {
  return refuse('not_found', `there is no pane ${pane}`, 'list_sessions shows what is there');
}

export function notCreated(name: string, reason: string): Refusal {
  if (reason.startsWith('duplicate session')) {
    return refuse(
      'id_taken',
      `the session ${name} exists already; it was left alone`,
      'yardmaster adopt takes it over',
    );
  }
  return refuse(
    'not_possible',
    `the session ${name} could not be made: ${reason}`,
    'list_sessions shows what is there',
  );
}

const LOOK = 'look at the session again before anything else is done';

/** Why tmux left a pane alone. */
export function refusedFor(target: PaneTarget, mark: string, answer: { out: string; complaint: string }): Refusal {
  const { pane, pid } = target;
  const seen = seenInstead(answer.out);
  if (seen === undefined) {
    return refuse(
      'not_possible',
      `tmux refused for ${pane}: ${plainLine(answer.complaint) || 'no reason given'}`,
      LOOK,
    );
  }
  if (!seen.exists) return notThere(pane);
  if (seen.pid !== pid) return refuse('stale', `${pane} runs process ${seen.pid}, no longer ${pid}`, LOOK);
  if (seen.home === '') {
    return refuse('not_allowed', `${pane} is not ours: it was left alone`, 'yardmaster adopt takes a session over');
  }
  if (seen.home !== mark) return refuse('not_allowed', `${pane} belongs to another home of Yardmaster`, 'ask that one');
  if (seen.dead) return refuse('stale', `the program of ${pane} has ended or closed its terminal`, LOOK);
  if (seen.in_mode) {
    const hint = 'try again when copy mode has ended';
    return refuse('busy', `a person scrolls in ${pane}: what is typed would go there`, hint);
  }
  return refuse('id_taken', `${pane} is ours already`, LOOK);
}
