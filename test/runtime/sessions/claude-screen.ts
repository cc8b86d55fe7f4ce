import type { ScreenReading } from '../../../src/runtime/agents/agent.ts';

/** What the guard has to know of Claude Code's screen, read as strictly as it goes. */
export function claudeScreen(text: string): ScreenReading {
  const lines = text.split('\n');
  const rules = lines.flatMap((line, at) => (/^─{20,}/.test(line) ? [at] : []));
  const [upper, lower] = rules.slice(-2);
  const isBox = upper !== undefined && lower !== undefined && /^❯[\s\u00a0]?/.test(lines[upper + 1] ?? '');
  if (isBox && lines.length - lower <= 6) {
    const box = lines
      .slice(upper + 1, lower)
      .map((line) => line.slice(2))
      .join('\n')
      .trim();
    const below = lines.slice(lower).join('\n');
    const empty = box === 'Press up to edit queued messages' || /^Try "/.test(box);
    return { kind: below.includes('esc to interrupt') ? 'busy' : 'ready', box: empty ? '' : box };
  }
  if (/❯ \d\.|Esc to cancel|❯ No, exit|Enter to select|Enter to confirm/.test(text)) {
    const what = /Do you want[^\n]*|Quick safety check/.exec(text)?.[0] ?? 'a dialog';
    return { kind: 'dialog', what, blocked: /Enter to select/.test(text) ? 'question' : 'permission' };
  }
  return { kind: 'unknown' };
}
