import type { RunAtWork, Stopping } from '../../runtime/yard.ts';
import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { span } from '../time.ts';

const MOST_NAMED = 10;

/** What is waited for, and until when. */
export function waitingView({ runs, until, kill, ending }: Stopping, look: Look): string {
  if (ending)
    return `ends ${counted(runs)}, which ${runs.length === 1 ? 'goes' : 'go'} back to the queue\n${named(runs, look)}`;
  const left = Math.max(0, until - look.now);
  const then = kill ? 'ended' : 'left to the next runtime';
  const time = left === 0 ? '' : ` for up to ${span(Math.max(left, 1_000))}`;
  return `waits${time} for ${counted(runs)}; what has not ended then is ${then}\n${named(runs, look)}`;
}

/** The same in the foreground, where it ends with what is left. */
export function foregroundView(state: Stopping, look: Look): string {
  if (state.runs.length === 0) return '';
  if (state.over) return stoppedView(state);
  return `${waitingView(state, look)}  interrupt again to leave at once\n`;
}

export function stoppedView(last: Stopping | undefined): string {
  const runs = last?.runs ?? [];
  if (runs.length === 0) return 'the runtime has stopped; what ran goes on, and is found again at the next start\n';
  const chats = runs.filter(({ begins_again }) => begins_again);
  const others = runs.filter(({ begins_again }) => !begins_again);
  const go = others.length === 1 ? 'goes on, and is' : 'go on, and are';
  const parts = [
    ...(others.length > 0 ? [`${some(others)} ${go} found again at the next start`] : []),
    ...(chats.length > 0 ? [`${some(chats)} ${chats.length === 1 ? 'begins' : 'begin'} again at the next start`] : []),
  ];
  return `the runtime has stopped; ${parts.join('; ')}\n`;
}

function some(runs: readonly RunAtWork[]): string {
  const names = runs.slice(0, MOST_NAMED).map(({ name }) => safeLine(name));
  return `${names.join(', ')}${runs.length > names.length ? ` and ${runs.length - names.length} more` : ''}`;
}

function counted(runs: readonly RunAtWork[]): string {
  return runs.length === 1 ? 'one run' : `${runs.length} runs`;
}

function named(runs: readonly RunAtWork[], { now, paint }: Look): string {
  const lines = runs
    .slice(0, MOST_NAMED)
    .map(
      ({ name, agent, since }) =>
        `  ${safeLine(name)}  ${paint('dim', `${safeLine(agent)}, ${span(Math.max(now - since, 1_000))}`)}\n`,
    );
  const more = runs.length - lines.length;
  return `${lines.join('')}${more > 0 ? `  and ${more} more\n` : ''}`;
}
