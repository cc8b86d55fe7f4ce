import type { Look, Structured } from '../cli.ts';
import { paintState } from '../paint.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';
import { relative } from '../time.ts';

export function profilesView(answer: Structured, look: Look): string {
  const profiles = Array.isArray(answer.profiles) ? (answer.profiles as Structured[]) : [];
  if (profiles.length === 0)
    return 'no profiles: each agent uses its usual account (agents.<agent>.profiles names more)\n';
  const head = ['AGENT', 'PROFILE', 'STATE', 'UNTIL', 'USED', 'FOLDER', 'WHY'].map((word) => look.paint('dim', word));
  const rows = profiles.map(({ agent, name, state, until, windows, config_dir, reason }) => [
    safeLine(String(agent)),
    safeLine(String(name)),
    paintState(look.paint, safeLine(String(state))),
    typeof until === 'string' ? relative(until, look.now) : '',
    usedOf(windows, look.now),
    safeLine(String(config_dir ?? '')),
    safeLine(String(reason ?? '')),
  ]);
  return table(head, rows, look.width);
}

function usedOf(windows: unknown, now: number): string {
  const all = Array.isArray(windows) ? (windows as Structured[]) : [];
  return all
    .map(({ name, used, resets_at }) => {
      const share = `${safeLine(String(name))} ${Math.round(Number(used) * 100)} %`;
      return typeof resets_at === 'string' ? `${share} (resets ${relative(resets_at, now)})` : share;
    })
    .join(', ');
}
