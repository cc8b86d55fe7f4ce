import type { ScreenReading } from '../../agents/agent.ts';
import { plainLine } from '../../model/plain-text.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { SessionRequest } from '../../model/session.ts';
import type { PaneAgent } from './pane-agent.ts';

/* Why nothing is typed into a session, or why what was typed was not submitted; and what to do. */

/** So long after an Escape the next word is the person's who pressed it. */
const JUST_NOW_MS = 15_000;

const attach = (agent: PaneAgent) => `yardmaster attach ${agent.seat} shows it`;
const NOTHING = 'nothing was typed';

/** By what the agent does. */
export function by(agent: PaneAgent, now: number): Refusal | undefined {
  const doing = agent.doing();
  const { seat } = agent;
  switch (doing.kind) {
    case 'working':
    case 'idle':
      return undefined;
    case 'starting':
      return refuse(
        'busy',
        `the agent in ${seat} is starting and has not taken its task in yet; ${NOTHING}`,
        'try again in some seconds; list_sessions shows when it works',
      );
    case 'gone':
      return refuse(
        'stale',
        `no agent runs in ${seat}: ${doing.detail}; ${NOTHING}`,
        'list_sessions shows what is there',
      );
    case 'unknown':
      return refuse('busy', `what ${seat} does is not certain: ${doing.detail}; ${NOTHING}`, attach(agent));
    case 'blocked':
      if (doing.on !== 'interrupted') return blocked(agent, doing.on, doing.detail);
      if (now - doing.since > JUST_NOW_MS) return undefined;
      return refuse(
        'busy',
        `a person has just interrupted ${seat}: the next word is theirs; ${NOTHING}`,
        'try again in a while, or write in the session itself',
      );
  }
}

function blocked(agent: PaneAgent, on: string, detail = ''): Refusal {
  const what = detail === '' ? on : `${on} (${plainLine(detail).slice(0, 200)})`;
  const hint =
    on === 'permission' || on === 'question'
      ? 'answer_request answers what it asks'
      : `${attach(agent)}; a person ends it there`;
  return refuse('busy', `${agent.seat} waits for somebody: ${what}; ${NOTHING}`, hint);
}

export function asks({ seat }: PaneAgent, { id, kind, tool }: SessionRequest): Refusal {
  const what = kind === 'question' ? 'asks a question' : `asks whether it may use ${plainLine(tool)}`;
  return refuse(
    'busy',
    `${seat} ${what}: what is typed would answer that; ${NOTHING}`,
    `answer_request ${id} answers it; then send the message`,
  );
}

export function waiting(agent: PaneAgent, what = 'something'): Refusal {
  return refuse(
    'busy',
    `${agent.seat} says that it waits for ${plainLine(what).slice(0, 100)}: what is typed would answer that; ${NOTHING}`,
    `list_sessions shows what it asks; ${attach(agent)}`,
  );
}

/** By what is on its screen. Undefined where a box is there and empty. */
export function onScreen(agent: PaneAgent, reading: ScreenReading): Refusal | undefined {
  if (reading.kind !== 'ready' && reading.kind !== 'busy') {
    return refuse('busy', `${agent.seat} shows ${seen(reading)}; ${NOTHING}`, attach(agent));
  }
  if (reading.box.trim() === '') return undefined;
  return refuse(
    'busy',
    `somebody's text stands in the box of ${agent.seat}, not submitted: what is typed would be glued to it; ${NOTHING}`,
    `send or clear that text (${attach(agent)}), then try again`,
  );
}

export function seen(reading: ScreenReading): string {
  switch (reading.kind) {
    case 'ready':
    case 'busy':
      return `that it is ${reading.kind}`;
    case 'dialog':
      return `a dialog: ${plainLine(reading.what).slice(0, 200)}`;
    case 'error':
      return `an error: ${plainLine(reading.what).slice(0, 200)}`;
    case 'unknown':
      return 'nothing that is known';
  }
}

// ── after something was pasted ──────────────────────────────────────────────

export function notDelivered({ seat }: PaneAgent, why: string, kept: string): Refusal {
  return refuse('not_possible', `the message to ${seat} was not submitted: ${plainLine(why)}; ${kept}`, 'try again');
}

export function lost(agent: PaneAgent, reading: ScreenReading): Refusal {
  return refuse(
    'busy',
    `the message to ${agent.seat} was not submitted: ${seen(reading)} came up under it and may have swallowed its text; nothing was answered`,
    'answer what it asks, then send the message again',
  );
}

export function mixed(agent: PaneAgent): Refusal {
  return refuse(
    'busy',
    `the message to ${agent.seat} was not submitted: somebody typed at the same time, and both texts stand in its box`,
    `${attach(agent)}: submit or clear the box there; then the message can be sent again`,
  );
}

export function unseen(agent: PaneAgent, why: string): Refusal {
  return refuse(
    'unavailable',
    `the message to ${agent.seat} was not submitted: its screen can't be read (${plainLine(why)}); its text may stand in the box`,
    attach(agent),
  );
}

export function tookTooLong({ seat }: PaneAgent): Refusal {
  return refuse('busy', `${seat} answered too slowly to type into it safely`, 'try again');
}
