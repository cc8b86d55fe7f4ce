import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hear, hookAnswer } from '../../../../src/runtime/agents/codex/hear.ts';

/** What the real program told its hooks. */
const recorded = JSON.parse(
  readFileSync(new URL('../../../fixtures/hooks/codex-0.169.0.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, unknown>>;
const report = (payload: unknown) => ({ name: '1-2-X', at: 7, text: JSON.stringify(payload) });
const heard = (event: string, more: object = {}) => hear(report({ ...recorded[event], ...more }))?.heard;

describe('a report', () => {
  it('tells whose it is and where the conversation is kept', () => {
    const { session_id, transcript_path } = recorded.Stop ?? {};
    expect(hear(report(recorded.Stop))).toMatchObject({ at: 7, conversation: session_id, transcript: transcript_path });
  });

  it('means what happened', () => {
    expect(heard('SessionStart')).toEqual({ kind: 'ready' });
    expect(heard('UserPromptSubmit')).toMatchObject({ kind: 'prompt', prompt_id: recorded.UserPromptSubmit?.turn_id });
    expect(heard('PreToolUse')).toEqual({ kind: 'tool_begins', tool: 'Bash' });
    expect(heard('PostToolUse')).toMatchObject({ kind: 'tool_ended', tool: 'Bash', input: { command: 'sleep 6' } });
    expect(heard('PermissionRequest')).toMatchObject({
      kind: 'asks',
      tool: 'Bash',
      input: { description: 'May I write there?' },
    });
    expect(heard('Interrupt')).toEqual({ kind: 'interrupted' });
    expect(heard('Stop')).toMatchObject({ kind: 'turn_ended', message: 'second', background: 0 });
  });

  it('of a subagent ends no turn of ours, but what it asks is asked', () => {
    expect(heard('Stop', { agent_id: 'a' })).toEqual({ kind: 'other', what: 'Stop' });
    expect(heard('PermissionRequest', { agent_id: 'a' })).toMatchObject({ kind: 'asks' });
  });

  it('that is not known is a sign of life, and what is none is nothing', () => {
    expect(heard('Stop', { hook_event_name: 'Sneeze' })).toEqual({ kind: 'other', what: 'Sneeze' });
    expect(heard('UserPromptSubmit', { prompt: 7 })).toEqual({
      kind: 'other',
      what: 'UserPromptSubmit of an unknown form',
    });
    expect(hear({ name: 'x', at: 1, text: '{"hook_event_name":"Stop"}' })).toBeUndefined();
    expect(hear({ name: 'x', at: 1, text: 'no JSON' })).toBeUndefined();
  });
});

describe('an answer', () => {
  const asked = report(recorded.PermissionRequest);
  it('allows or denies with nothing else in it: Codex takes more for a denial', () => {
    const decision = (text: string) => JSON.parse(text).hookSpecificOutput.decision as unknown;
    expect(decision(hookAnswer(asked, { decision: 'allow' }))).toEqual({ behavior: 'allow' });
    expect(decision(hookAnswer(asked, { decision: 'deny', reason: 'No.' }))).toEqual({
      behavior: 'deny',
      message: 'No.',
    });
  });

  it('that does not fit says nothing', () => {
    expect(hookAnswer(asked, { answers: { a: 'b' } })).toBe('');
    expect(hookAnswer(report(recorded.Stop), { decision: 'allow' })).toBe('');
  });
});
