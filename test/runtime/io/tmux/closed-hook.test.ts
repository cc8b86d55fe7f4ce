import { expect, test } from 'vitest';
import { armed, disarmed } from '../../../../src/runtime/io/tmux/closed-hook.ts';

const HOOK = (index: number, channel: string) => `session-closed[${index}] "wait-for -S ${channel}"`;

test('our hook takes an index that nobody has', () => {
  expect(armed('session-closed', 'ym-a')).toEqual(['set-hook -g session-closed[1000] "wait-for -S ym-a"']);
  expect(armed(`${HOOK(0, 'x')}\n${HOOK(1000, 'ym-ab')}\n`, 'ym-a')).toEqual([
    'set-hook -g session-closed[1001] "wait-for -S ym-a"',
  ]);
});

test('one that a dead runtime left behind is used again, and doubles go', () => {
  const left = [HOOK(0, 'x'), HOOK(1003, 'ym-a'), HOOK(1007, 'ym-a')].join('\n');
  expect(armed(left, 'ym-a')).toEqual(['set-hook -gu session-closed[1007]']);
  expect(disarmed(left, 'ym-a')).toEqual(['set-hook -gu session-closed[1003]', 'set-hook -gu session-closed[1007]']);
});
