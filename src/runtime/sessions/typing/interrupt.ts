import type { LiveState, ScreenReading } from '../../agents/agent.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import type { Cause } from '../../model/task.ts';
import type { Clock, Files } from '../../ports.ts';
import type { Tmux } from '../../terminals.ts';
import { pause, readScreen } from './box.ts';
import { seen } from './closed.ts';
import type { Guard } from './guard.ts';
import { liveOf, type PaneAgent } from './pane-agent.ts';

/*
 * Escape, to an agent that works. At an empty box it would open something else, and at a dialog it refuses what is asked:
 * there it is pressed only for somebody who wants just that. No hook tells of an Escape: the agent's own state does, or
 * its screen.
 */

export interface InterruptPorts {
  readonly guard: Pick<Guard, 'press'>;
  readonly tmux: Pick<Tmux, 'read'>;
  readonly clock: Clock;
  readonly files: Files;
}

export type Interrupted =
  | { readonly verdict: 'interrupted'; readonly detail?: string }
  | { readonly verdict: 'unconfirmed'; readonly detail: string }
  | Refusal;

const CONFIRM_MS = 4_000;
const LOOK_AGAIN_MS = 150;

export async function interrupt(
  ports: InterruptPorts,
  agent: PaneAgent,
  cause: Cause,
  options: { readonly dismiss?: boolean } = {},
): Promise<Interrupted> {
  if (cause.by === 'attempt') return ofAnAttempt(agent);
  const { kind } = agent.doing();
  if (kind === 'idle' || kind === 'gone') return doesNothing(agent);
  const since = ports.clock.now();
  const dismiss = options.dismiss === true;
  const wanted = dismiss ? askingOrBusy : busy;
  const when = dismiss ? 'at_request' : 'nothing_open';
  const pressed = await ports.guard.press(agent, 'Escape', (reading) => wanted(agent, reading), when);
  if (isRefusal(pressed)) return pressed;
  const detail = await stopped(ports, agent, since);
  if (detail !== undefined) return { verdict: 'interrupted', ...detail };
  if (pressed !== 'done') return pressed;
  return { verdict: 'unconfirmed', detail: 'Escape was pressed, but the agent does not say that it stopped' };
}

function busy(agent: PaneAgent, reading: ScreenReading): Refusal | undefined {
  if (reading.kind === 'busy') return undefined;
  if (reading.kind === 'ready') return doesNothing(agent);
  return refuse(
    'busy',
    `${agent.seat} shows ${seen(reading)}: Escape would answer that; nothing was pressed`,
    'answer_request answers a request; attach to see what is there',
  );
}

/** Of the dialogs, those that a tool has brought up: at others Escape may end the agent. */
function askingOrBusy(agent: PaneAgent, reading: ScreenReading): Refusal | undefined {
  const asks = reading.kind === 'dialog' && (reading.blocked === 'permission' || reading.blocked === 'question');
  return asks ? undefined : busy(agent, reading);
}

/** What is known when it has stopped; undefined when it does not seem to. */
async function stopped(
  { clock, tmux, files }: InterruptPorts,
  agent: PaneAgent,
  since: number,
): Promise<{ detail?: string } | undefined> {
  for (const end = clock.now() + CONFIRM_MS; clock.now() < end; ) {
    const live = await liveOf(files, agent);
    const reading = await readScreen(tmux, agent);
    const screen = isRefusal(reading) ? undefined : reading;
    if (isIdle(live, since) || (live === undefined && screen?.kind === 'ready')) {
      const left = screen?.kind === 'ready' && screen.box.trim() !== '';
      return left ? { detail: 'its prompt stands in its box again, not submitted' } : {};
    }
    await pause(clock, LOOK_AGAIN_MS);
  }
  return undefined;
}

function isIdle(live: LiveState | undefined, since: number): boolean {
  return live !== undefined && live.status === 'idle' && live.at >= since;
}

function doesNothing({ seat }: PaneAgent): Refusal {
  return refuse('not_possible', `${seat} does nothing that could be interrupted`, 'list_sessions shows what it does');
}

function ofAnAttempt({ seat }: PaneAgent): Refusal {
  return refuse('not_allowed', `a worker can't interrupt sessions; ${seat} goes on`, 'ask the owner of the task');
}
