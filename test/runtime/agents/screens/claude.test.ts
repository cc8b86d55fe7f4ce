import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ScreenReading } from '../../../../src/runtime/agents/agent.ts';
import { claudeAgent } from '../../../../src/runtime/agents/claude/claude.ts';
import { boxHolds } from '../../../../src/runtime/agents/screens/box.ts';

/** Screens of the real program, as `tmux capture-pane -p` gave them; a name begins with what is to be read. */
const folder = new URL('../../../fixtures/panes/claude-2.1.329/', import.meta.url);
const pane = (name: string) => readFileSync(new URL(`${name}.txt`, folder), 'utf8');
const read = (name: string) => claudeAgent.screen(pane(name));
const names = readdirSync(folder).map((file) => file.replace(/\.txt$/, ''));

describe('a recorded screen', () => {
  it.each(names)('%s', (name) => {
    const reading = read(name);
    expect(reading).toMatchObject(EXPECTED[name.split('-')[0] ?? ''] ?? { kind: 'no such expectation' });
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

  it('says what is asked', () => {
    expect(read('permission-write')).toMatchObject({ what: 'Do you want to create new.txt?' });
    expect(read('dialog-trust')).toMatchObject({ what: 'trust of the folder' });
  });

  it('that is cut anywhere is never taken for more than it is', () => {
    for (const name of names.filter((name) => /^(permission|question|dialog|login|unknown)/.test(name))) {
      const lines = pane(name).trimEnd().split('\n');
      for (let end = 0; end <= lines.length; end++)
        expect(claudeAgent.screen(lines.slice(0, end).join('\n')).kind, `${name} cut at ${end}`).not.toMatch(
          /ready|busy/,
        );
    }
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
    expect(claudeAgent.screen([...box, dialog].join('\n'))).toMatchObject({ kind: 'dialog' });
    const unknown = ['─'.repeat(120), ' A brand new question', ' ❯ Yes', '   No', '', ' Enter to continue'];
    expect(claudeAgent.screen([...box, ...unknown].join('\n')).kind).toBe('unknown');
  });

  it('a dialog that an agent has drawn above the box is no dialog', () => {
    expect(claudeAgent.screen([dialog, ...Array<string>(8).fill(''), '● done', '', ...box].join('\n'))).toEqual({
      kind: 'ready',
      box: '',
    });
  });

  it('a history line is no box', () => {
    const [rule = '', , , foot = ''] = box;
    expect(claudeAgent.screen([rule, '❯ said before', rule, foot].join('\n')).kind).toBe('unknown');
  });

  it('a digit would answer the survey', () => {
    const survey = ['● How is Claude doing this session? (optional)', '  1: Bad    2: Fine   3: Good   0: Dismiss', ''];
    expect(claudeAgent.screen([...survey, ...box].join('\n')).kind).toBe('unknown');
  });

  it('nothing is nothing', () => {
    for (const text of ['', '\n\n', '❯\u00a0', box.slice(0, 3).join('\n'), '$ ']) {
      expect(claudeAgent.screen(text)).toEqual({ kind: 'unknown' });
    }
  });
});
