import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/runtime/model/refusal.ts';
import { amendTask } from '../../src/runtime/taskfile/amend.ts';
import { titleOf } from '../../src/runtime/taskfile/title.ts';

function amend(text: string, keys: Record<string, string | number | undefined>, instructions?: string): string {
  const amended = amendTask(Buffer.from(text), {
    keys: new Map(Object.entries(keys)),
    ...(instructions !== undefined && { instructions }),
  });
  if (isRefusal(amended)) throw new Error(amended.message);
  return Buffer.from(amended).toString();
}

describe('a task with some keys changed', () => {
  it('keeps comments, order, unknown keys and the body byte for byte', () => {
    const text = '---\n# mine\nagent: claude  # the good one\nowner: ann\ntags: [a, b]\n---\n\nDo it.\r\nTwice.';
    expect(amend(text, { agent: 'codex' })).toBe(text.replace('agent: claude', 'agent: codex'));
  });

  it('gets new keys at the end of its front matter', () => {
    expect(amend('---\nagent: a\n---\nDo it.', { model: 'opus', budget_usd: 2.5 })).toBe(
      '---\nagent: a\nmodel: opus\nbudget_usd: 2.5\n---\nDo it.',
    );
  });

  it('gets front matter where it had none', () => {
    expect(amend('Do it.\n', { agent: 'codex' })).toBe('---\nagent: codex\n---\nDo it.\n');
  });

  it('loses a key with its whole line', () => {
    expect(amend('---\ncontinues: other # why\nagent: a\n---\nDo it.', { continues: undefined })).toBe(
      '---\nagent: a\n---\nDo it.',
    );
  });

  it('has further words at the end, and is called as before', () => {
    const amended = amend('Do it.', {}, 'And mind the gap.');
    expect(amended).toBe('Do it.\n\n**Further instructions**\n\nAnd mind the gap.\n');
    expect(titleOf(String(amended))).toBe('Do it.');
  });

  it.each([
    [
      'with Windows line ends',
      '---\r\nagent: a\r\ntitle: T\r\n---\r\nDo it.\r\n',
      '---\r\nagent: b\r\ntitle: T\r\nmodel: opus\r\n---\r\nDo it.\r\n',
    ],
    ['with a byte order mark', '\ufeff---\nagent: a\n---\nDo it.', '\ufeff---\nagent: b\nmodel: opus\n---\nDo it.'],
    [
      'with a block scalar',
      '---\nagent: |-\n  a\ntitle: T\n---\nDo it.',
      '---\nagent: b\ntitle: T\nmodel: opus\n---\nDo it.',
    ],
    ['with quotes and no space', '---\n"agent": "a"\n---\nDo it.', '---\nagent: b\nmodel: opus\n---\nDo it.'],
    ['without a value', '---\nagent:\ntitle: T\n---\nDo it.', '---\nagent: b\ntitle: T\nmodel: opus\n---\nDo it.'],
    ['with empty front matter', '---\n---\nDo it.', '---\nagent: b\nmodel: opus\n---\nDo it.'],
  ])('%s', (_, text, expected) => {
    expect(amend(text, { agent: 'b', model: 'opus' })).toBe(expected);
  });

  it('is refused where it can not be changed safely', () => {
    const amended = amendTask(Buffer.from('---\n{agent: a, title: T}\n---\nDo it.'), {
      keys: new Map([['agent', 'b']]),
    });
    expect(isRefusal(amended) && amended.code).toBe('not_possible');
  });
});
