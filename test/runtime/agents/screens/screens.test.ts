import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ScreenReading } from '../../../../src/runtime/agents/agent.ts';
import { boxHolds } from '../../../../src/runtime/agents/screens/box.ts';
import { readScreen } from '../../../../src/runtime/agents/screens/read.ts';
import { CLAUDE_SCREENS, CODEX_SCREENS, GEMINI_SCREENS } from '../../../../src/runtime/agents/screens/table.ts';

/** Screens of the real programs, as `tmux capture-pane -p` gave them; a name begins with what is to be read. */
const panes = new URL('../../../fixtures/panes/', import.meta.url);
const pane = (name: string, folder = 'claude-2.1.329-more') =>
  readFileSync(new URL(`${folder}/${name}.txt`, panes), 'utf8');
const screen = (text: string) => readScreen(CLAUDE_SCREENS, text);
const read = (name: string) => screen(pane(name));
const FOLDERS = {
  'claude-2.1.329-more': CLAUDE_SCREENS,
  'codex-0.169.0': CODEX_SCREENS,
  'gemini-0.61.0': GEMINI_SCREENS,
};
const recorded = Object.entries(FOLDERS).flatMap(([folder, patterns]) =>
  readdirSync(new URL(folder, panes)).map((file) => ({ folder, name: file.replace(/\.txt$/, ''), patterns })),
);

interface Listed {
  readonly file: string;
  readonly reading: ScreenReading['kind'];
  readonly blocked?: string;
  readonly box?: string;
  readonly box_matches?: string;
}
/** Recorded at several sizes in both renderers, with what they show. */
const listed = ['claude-2.1.329-fullscreen', 'claude-2.1.329-classic'].flatMap((folder) => {
  const index = readFileSync(new URL(`${folder}/index.json`, panes), 'utf8');
  return (JSON.parse(index) as { panes: Listed[] }).panes.map((one) => ({ ...one, folder }));
});
/** What these show is read with less trust than it deserves. */
const CAUTIOUS: Readonly<Record<string, ScreenReading['kind']>> = {
  shortcuts: 'unknown', // too much below the box
  'start-theme': 'unknown', // a picture, its question not painted yet
};

describe('a recorded screen', () => {
  it.each(recorded)('$folder $name', ({ folder, name, patterns }) => {
    const reading = readScreen(patterns, pane(name, folder));
    expect(reading).toMatchObject(EXPECTED[name.split('-')[0] ?? ''] ?? { kind: 'no such expectation' });
    if (name.startsWith('box')) expect(reading).not.toHaveProperty('box', '');
  });
  const EXPECTED: Record<string, Partial<ScreenReading>> = {
    ready: { kind: 'ready', box: '' },
    busy: { kind: 'busy', box: '' },
    box: { kind: 'ready' },
    permission: { kind: 'dialog', blocked: 'permission' },
    question: { kind: 'dialog', blocked: 'question' },
    dialog: { kind: 'dialog', blocked: 'dialog' },
    login: { kind: 'dialog', blocked: 'login' },
    error: { kind: 'error' },
    unknown: { kind: 'unknown' },
  };

  it.each(listed)('$folder $file', ({ folder, file, reading, blocked, box, box_matches }) => {
    const found = readScreen(CLAUDE_SCREENS, pane(file.replace(/\.txt$/, ''), folder));
    const cautious = Object.entries(CAUTIOUS).find(([name]) => file.startsWith(name))?.[1];
    expect(found.kind).toBe(cautious ?? reading);
    if (cautious !== undefined && cautious !== reading) return;
    if (blocked !== undefined) expect(found).toHaveProperty('blocked', blocked);
    if (box_matches !== undefined) expect(found).toHaveProperty('box', expect.stringMatching(new RegExp(box_matches)));
    if (box !== undefined) {
      const shown = 'box' in found ? found.box : '';
      expect(boxHolds(shown, box)).toBe(box === '' ? 'nothing' : 'ours');
    }
  });

  it('says what is asked', () => {
    expect(read('permission-write')).toMatchObject({ what: 'Do you want to create new.txt?' });
    expect(read('dialog-trust')).toMatchObject({ what: 'trust of the folder' });
  });

  it('that is cut anywhere is never taken for more than it is', () => {
    for (const { folder, name, patterns } of recorded) {
      if (!/^(permission|question|dialog|login|unknown)/.test(name)) continue;
      const lines = pane(name, folder).trimEnd().split('\n');
      for (let end = 0; end <= lines.length; end++) {
        const { kind } = readScreen(patterns, lines.slice(0, end).join('\n'));
        expect(kind, `${folder} ${name} cut at ${end}`).not.toMatch(/ready|busy/);
      }
    }
  });

  it('shows the same box in another program', () => {
    expect(readScreen(CODEX_SCREENS, pane('box-three-lines', 'codex-0.169.0'))).toHaveProperty(
      'box',
      'one\ntwo\nthree',
    );
    expect(readScreen(GEMINI_SCREENS, pane('box-three-lines', 'gemini-0.61.0'))).toHaveProperty(
      'box',
      'one\ntwo\nthree',
    );
  });
});

describe('the input box', () => {
  const boxOf = (name: string) => {
    const reading = read(name);
    return 'box' in reading ? reading.box : undefined;
  };

  it('is read whole, over several lines', () => {
    const typed =
      'a message of a person that is long enough to wrap over the end of the line, since it has more than ' +
      'one hundred and twenty characters in it, and some more';
    expect(boxOf('box-three-lines')).toBe('one\ntwo\nthree');
    expect(boxHolds(boxOf('box-wrapped') ?? '', typed)).toBe('ours');
    expect(boxHolds(boxOf('box-long') ?? '', 'wörd✓ '.repeat(120))).toBe('ours');
  });

  it('holds ours only when it is all of it and nothing else', () => {
    expect(boxHolds('one\ntwo three', 'one two\nthree')).toBe('ours');
    expect(boxHolds('my half line one two', 'one two')).toBe('something else');
    expect(boxHolds('one', 'one two')).toBe('something else');
    expect(boxHolds(' \n', 'one')).toBe('nothing');
  });

  it('shows a paste as a mark with its number of lines', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}`).join('\n');
    expect(boxHolds(boxOf('box-pasted') ?? '', lines(12))).toBe('ours');
    expect(boxHolds(boxOf('box-four-lines') ?? '', 'one\ntwo\n\n  three  x')).toBe('ours');
    expect(boxHolds(boxOf('box-pasted-line') ?? '', 'word '.repeat(200))).toBe('ours');
    expect(boxHolds(boxOf('box-pasted') ?? '', lines(13))).toBe('something else');
    expect(boxHolds('[Pasted text #1 +1 lines] and more', lines(2))).toBe('something else');
  });
});

describe('what was said may look like anything', () => {
  const box = ['─'.repeat(120), '❯\u00a0', '─'.repeat(120), '  ⏸ manual mode on · ? for shortcuts'];
  const dialog = pane('permission-write').trimEnd();

  it('a box that an agent has drawn above a dialog is no box', () => {
    expect(screen([...box, dialog].join('\n'))).toMatchObject({ kind: 'dialog' });
    const unknown = ['─'.repeat(120), ' A brand new question', ' ❯ Yes', '   No', '', ' Enter to continue'];
    expect(screen([...box, ...unknown].join('\n')).kind).toBe('unknown');
  });

  it('a dialog that an agent has drawn above the box is no dialog', () => {
    expect(screen([dialog, ...Array<string>(8).fill(''), '● done', '', ...box].join('\n'))).toEqual({
      kind: 'ready',
      box: '',
    });
  });

  it('a history line is no box', () => {
    const [rule = '', , , foot = ''] = box;
    expect(screen([rule, '❯ said before', rule, foot].join('\n')).kind).toBe('unknown');
  });

  it('a digit would answer the survey', () => {
    const survey = ['● How is Claude doing this session? (optional)', '  1: Bad    2: Fine   3: Good   0: Dismiss', ''];
    expect(screen([...survey, ...box].join('\n')).kind).toBe('unknown');
  });

  it('nothing is nothing', () => {
    for (const text of ['', '\n\n', '❯\u00a0', box.slice(0, 3).join('\n'), '$ ']) {
      expect(screen(text)).toEqual({ kind: 'unknown' });
    }
  });
});
