import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PermissionMode } from '../../../src/runtime/model/spec.ts';
import { narrowMode, narrowTools } from '../../../src/runtime/policy/narrow.ts';

describe('the permission mode of a task', () => {
  const anyMode = fc.constantFrom(...PermissionMode.options);
  const rank = (mode: PermissionMode) => PermissionMode.options.indexOf(mode);

  it('is never wider than what the configuration allows', () => {
    fc.assert(
      fc.property(anyMode, fc.option(anyMode, { nil: undefined }), (allowed, asked) => {
        expect(rank(narrowMode(allowed, asked))).toBeLessThanOrEqual(rank(allowed));
        if (allowed !== 'bypassPermissions') expect(narrowMode(allowed, asked)).not.toBe('bypassPermissions');
      }),
    );
  });

  it('is narrower where the task asks for it', () => {
    expect(narrowMode('acceptEdits', 'plan')).toBe('plan');
    expect(narrowMode('acceptEdits', undefined)).toBe('acceptEdits');
  });
});

describe('the tools of a task', () => {
  it.each([
    [['Read'], undefined, ['Read']],
    [['Read'], [], []],
    [['Read', 'Write'], ['Write', 'Bash'], ['Write']],
    [['Bash'], ['Bash(rm -rf *)'], ['Bash(rm -rf *)']],
    [
      ['Bash(git *)'],
      ['Bash(git status)', 'Bash(git log *)', 'Bash(git *)'],
      ['Bash(git status)', 'Bash(git log *)', 'Bash(git *)'],
    ],
    [['Bash(git:*)'], ['Bash(git status:*)'], ['Bash(git status:*)']],
    [
      ['Bash(git *)'],
      ['Bash', 'Bash(*)', 'Bash(gitk)', 'Bash(git status; rm -rf /)', 'Bash(git $(x))', 'Read(git x)'],
      [],
    ],
    [['Bash(git *)'], ['Bash(git\nrm x)', 'Bash(git a && b)', 'Bash(git `x`)', 'Bash(git | sh)'], []],
  ])('of %j and %j are %j', (allowed, asked, tools) => {
    expect(narrowTools(allowed, asked)).toEqual(tools);
  });
});
