import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { claudeAgent } from '../../../../src/runtime/agents/claude/claude.ts';

/* Screens of the real program at several sizes, in both of its renderers; each index says what stands on them. */

interface Pane {
  readonly file: string;
  readonly shows: string;
  readonly reading: 'ready' | 'busy' | 'dialog' | 'unknown';
  readonly blocked?: string;
  /** What stands in the input box; blanks don't count. */
  readonly box?: string;
  readonly box_matches?: string;
}

describe.each(['fullscreen', 'classic'])('the %s renderer', (renderer) => {
  const folder = new URL(`../../../fixtures/panes/claude-2.1.329-${renderer}/`, import.meta.url);
  const { panes } = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as { panes: Pane[] };

  it.each(panes)('$file: $shows', ({ file, reading, blocked, box, box_matches }) => {
    const read = claudeAgent.screen(readFileSync(new URL(file, folder), 'utf8'));
    if (read.kind === 'unknown') return; // as good as a dialog: nobody types there
    expect(read.kind).toBe(reading);
    if (read.kind === 'dialog' && blocked !== undefined) expect(read.blocked).toBe(blocked);
    if (!('box' in read)) return;
    if (box !== undefined) expect(read.box.replace(/\s/g, '')).toBe(box.replace(/\s/g, ''));
    if (box_matches !== undefined) expect(read.box).toMatch(new RegExp(box_matches));
  });

  it('is read in most of its screens', () => {
    const unread = panes.filter(
      ({ file }) => claudeAgent.screen(readFileSync(new URL(file, folder), 'utf8')).kind === 'unknown',
    );
    expect(unread.length).toBeLessThan(panes.length / 4);
  });
});
