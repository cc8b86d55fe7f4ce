import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskId, taskIdProblem } from '../../src/runtime/model/ids.ts';
import { classify, numbered, safeId } from '../../src/runtime/taskfile/names.ts';

describe('names in an inbox', () => {
  it.each([
    ['fix.md', 'task', 'fix'],
    ['a b (2).md', 'task', 'a b (2)'],
    ['ünï.md', 'task', 'ünï'],
    ['v1.2.md', 'task', 'v1.2'],
    ['notes.tmp.md', 'task', 'notes.tmp'],
    ['x.md.dispatched', 'dispatched', 'x'],
    ['x.md.delegated', 'delegated', 'x'],
    ['x.attempt.json', 'attempt', 'x'],
    ['x.md.dispatched.md', 'task', 'x.md.dispatched'],
  ])('%s is a %s', (name, kind, id) => expect(classify(name)).toEqual({ kind, id }));

  it.each([
    ...[
      '.x.md',
      '.x.md.swp',
      '.#x.md',
      '#x.md#',
      'x.md~',
      '~$x.md',
      '4913',
      'x.md.tmp',
      'x.md.part',
      'x.md.bak',
      'x.md.orig',
    ],
    ...[
      'x.md.crdownload',
      'x.md.swx',
      '.goutputstream-ABC',
      'x.md.tmp.1234.567',
      'x.md.sb-1a2b-cd',
      'x.md___jb_tmp___',
      '.md',
    ],
  ])('%s is an editor’s or a copy program’s', (name) =>
    expect(classify(name)).toEqual({ kind: 'ignored', why: 'editor' }),
  );

  it.each(['x.txt', 'README', 'x.MD', 'x.markdown', 'x.json'])('%s is not markdown', (name) =>
    expect(classify(name)).toEqual({ kind: 'ignored', why: 'not_markdown' }),
  );

  it('knows our own temporary files', () => expect(classify('.ym-tmp-abc')).toEqual({ kind: 'ignored', why: 'ours' }));

  it.each([
    'a..b.md',
    'a\nb.md',
    '-rf.md',
    ' x.md',
    'x .md',
    'a:b.md',
    'a\\b.md',
    '#x.md',
    `${'x'.repeat(252)}.md`,
    'a\u202eb.md',
    'a\ufffd.md',
  ])('%j can’t be a task, but has a safe name for failed/', (name) => {
    const entry = classify(name);
    if (entry.kind !== 'unusable') throw new Error(entry.kind);
    expect(entry.as).toBe('task');
    expect(entry.problem).not.toBe('');
    expect(taskIdProblem(entry.safe)).toBeUndefined();
  });

  it('makes a usable id of any text, and numbers any id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 2, max: 99_999 }), (stem, n) => {
        const id = safeId(stem);
        expect(taskIdProblem(id)).toBeUndefined();
        expect(numbered(id, n).endsWith(`-${n}`)).toBe(true);
      }),
    );
    expect(Buffer.byteLength(numbered(TaskId.parse('é'.repeat(90)), 12))).toBeLessThanOrEqual(180);
  });
});
