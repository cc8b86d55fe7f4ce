import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Heard } from '../../../../src/runtime/agents/agent.ts';
import { hookAnswer } from '../../../../src/runtime/agents/claude/answer.ts';
import { hear } from '../../../../src/runtime/agents/claude/hear.ts';

/** What each hook of the real program was told. */
const samples = JSON.parse(
  readFileSync(new URL('../../../fixtures/hooks/claude-2.1.329.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, unknown>>;

const AT = Date.UTC(2026, 10, 21, 8, 45);
const reportOf = (payload: unknown) => ({ name: '1-2-X.json', at: AT, text: JSON.stringify(payload) });
const heard = (name: string, other: object = {}): Heard | undefined =>
  hear(reportOf({ ...samples[name], ...other }))?.heard;

const ran = (command: string) => ({ command, description: 'Run a scripted command' });

describe('what the hooks say', () => {
  it('names the conversation, its file, and the report', () => {
    expect(hear(reportOf(samples.Stop))).toMatchObject({
      report: '1-2-X.json',
      at: AT,
      conversation: '4792a300-fe10-4a33-9b6e-1af5801df547',
      transcript: '/home/me/run/h5/.claude/projects/-home-me-run-w5/4792a300-fe10-4a33-9b6e-1af5801df547.jsonl',
    });
  });

  it.each<[string, Heard]>([
    ['SessionStart:startup', { kind: 'ready' }],
    ['SessionStart:resume', { kind: 'ready' }],
    ['SessionStart:clear', { kind: 'ready' }],
    ['SessionStart:compact', { kind: 'other', what: 'SessionStart compact' }],
    ['SessionEnd:prompt_input_exit', { kind: 'left', reason: 'prompt_input_exit' }],
    ['PreToolUse', { kind: 'tool_begins', tool: 'Bash' }],
    ['PostToolUse', { kind: 'tool_ended', tool: 'Bash', input: ran('echo hi > out.txt && sleep 2') }],
    ['PostToolUseFailure', { kind: 'tool_ended', tool: 'Bash', input: ran('exit 3') }],
    ['Elicitation', { kind: 'dialog', what: 'the MCP server probe asks: Your name?' }],
    ['Notification:idle_prompt', { kind: 'other', what: 'Notification idle_prompt' }],
    ['SubagentStop', { kind: 'other', what: 'SubagentStop' }],
    [
      'Stop',
      { kind: 'turn_ended', message: 'All finished', background: 0, prompt_id: '07a63063-bc1c-4e2e-b504-569fdfe82b90' },
    ],
  ])('%s', (name, meaning) => {
    expect(heard(name)).toEqual(meaning);
  });

  it('every event of the program is understood, or a sign of life', () => {
    for (const [name, sample] of Object.entries(samples))
      expect(heard(name)?.kind, name).toBe(KNOWN[name] ?? KNOWN[String(sample.hook_event_name)] ?? 'other');
  });
  const KNOWN: Record<string, Heard['kind']> = {
    PreToolUse: 'tool_begins',
    PostToolUse: 'tool_ended',
    PostToolUseFailure: 'tool_ended',
    PermissionRequest: 'asks',
    UserPromptSubmit: 'prompt',
    Elicitation: 'dialog',
    Stop: 'turn_ended',
    StopFailure: 'turn_failed',
    SessionEnd: 'left',
    SessionStart: 'ready',
    'SessionStart:compact': 'other',
  };

  it('tells what a tool would do, and what is asked', () => {
    expect(heard('PermissionRequest')).toEqual({
      kind: 'asks',
      tool: 'Bash',
      input: { command: 'echo hi > out.txt && sleep 2', description: 'Run a scripted command' },
    });
    expect(heard('AskUserQuestion')).toMatchObject({
      kind: 'asks',
      questions: [
        {
          question: 'Which db?',
          multiple: false,
          options: [{ label: 'pg', description: 'PostgreSQL' }, { label: 'sqlite' }],
        },
        { multiple: true },
      ],
    });
  });

  it('counts what goes on in the background', () => {
    expect(heard('Stop:background')).toMatchObject({ kind: 'turn_ended', background: 1 });
  });
});

describe('whatever is told', () => {
  it('is no report when it says nothing of a conversation', () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"hook_event_name":"Stop"}',
      '{"session_id":1,"hook_event_name":"Stop"}',
    ])
      expect(hear({ name: 'x', at: AT, text })).toBeUndefined();
  });

  it('may hold more than is known', () => {
    expect(heard('Stop', { new_key: { a: 1 } })?.kind).toBe('turn_ended');
    expect(heard('Stop', { hook_event_name: 'Brand\u001b[31mNew' })).toEqual({ kind: 'other', what: 'BrandNew' });
    expect(heard('Stop', { hook_event_name: 'constructor' })?.kind).toBe('other');
  });

  it('ends no turn when its form is not what it was', () => {
    expect(heard('Stop', { background_tasks: 'none' })).toEqual({ kind: 'other', what: 'Stop of an unknown form' });
    expect(heard('Stop', { last_assistant_message: 7 })?.kind).toBe('other');
  });

  it('has failed when it says so, whatever else it says', () => {
    const odd = heard('StopFailure:rate_limit', { error: 7, last_assistant_message: [] });
    expect(odd).toMatchObject({ kind: 'turn_failed', failure: { class: 'crash' } });
  });

  it('is clean and bounded', () => {
    const prompt = heard('UserPromptSubmit', { prompt: `a\u001b]0;x\u0007\u202eb${'x'.repeat(300_000)}` });
    expect(prompt).toMatchObject({ kind: 'prompt' });
    expect(prompt?.kind === 'prompt' && prompt.prompt.length).toBeLessThanOrEqual(200_000);
    expect(prompt?.kind === 'prompt' && prompt.prompt.startsWith('abx')).toBe(true);
    expect(heard('PreToolUse', { tool_name: 'B\nash\u0007' })).toEqual({ kind: 'tool_begins', tool: 'B ash' });
  });
});

describe('the answer of a hook', () => {
  const answered = (name: string, answer: Parameters<typeof hookAnswer>[1]) => {
    const text = hookAnswer(reportOf(samples[name]), answer);
    return text === '' ? undefined : (JSON.parse(text) as { hookSpecificOutput: { decision: unknown } });
  };
  const decision = (decided: object) => ({
    hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: decided },
  });

  it('allows', () => {
    expect(answered('PermissionRequest', { decision: 'allow' })).toEqual(decision({ behavior: 'allow' }));
  });

  it('denies, with the reason for the model', () => {
    const reason = 'not on "main"\nplease';
    expect(answered('PermissionRequest', { decision: 'deny', reason })).toEqual(
      decision({ behavior: 'deny', message: reason }),
    );
  });

  it('answers questions under the very text that the agent gave them, however they were shown', () => {
    const answers = { 'Which db?': 'pg', 'Which ❤ clients?': 'a, b' };
    const input = samples.AskUserQuestion?.tool_input as { questions: unknown } | undefined;
    expect(answered('AskUserQuestion', { answers })).toEqual(
      decision({
        behavior: 'allow',
        updatedInput: { questions: input?.questions, answers: { 'Which db?': 'pg', 'Which ❤️ clients?': 'a, b' } },
      }),
    );
  });

  it('says nothing where it does not fit: then a person decides', () => {
    expect(answered('PermissionRequest', { answers: { x: 'y' } })).toBeUndefined();
    expect(answered('AskUserQuestion', { answers: { toString: 'y' } })).toBeUndefined();
    expect(hookAnswer({ name: 'x', at: 0, text: '{"tool' }, { decision: 'allow' })).toBe('');
  });

  it('is one line', () => {
    expect(hookAnswer(reportOf(samples.PermissionRequest), { decision: 'deny', reason: 'a\nb' })).not.toContain('\n');
  });
});
