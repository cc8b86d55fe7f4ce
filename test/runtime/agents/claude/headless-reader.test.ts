import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claudeHeadless } from '../../../../src/runtime/agents/claude/headless.ts';
import { linesOf, read, STREAMS } from './headless-streams.ts';

/** When it was idle, line by line: only the changes. */
function idleAt(name: string): [line: string, idle: boolean][] {
  const reader = claudeHeadless.reader();
  const seen: [string, boolean][] = [];
  for (const line of linesOf(name)) {
    reader.take(line);
    const { type, subtype } = JSON.parse(line);
    if (reader.now.idle !== (seen.at(-1)?.[1] ?? false)) seen.push([subtype ?? type, reader.now.idle]);
  }
  return seen;
}

describe('a run', () => {
  it('tells its conversation, its answer and what it has spent', () => {
    expect(read(linesOf('tool-and-answer')).state).toEqual({
      conversation: '99668591-3571-4f4b-ab67-b0761944f30c',
      model: 'claude-opus-5-5',
      idle: true,
      answer: { text: 'one' },
      denials: [],
      usage: {
        input_tokens: 5404,
        output_tokens: 41,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        cost_usd: expect.closeTo(0.0224, 4),
      },
      turns: 2,
      results: 1,
    });
  });

  it('shows people what it says, what it does, and what was refused', () => {
    expect(read(linesOf('denied-by-hook')).shown).toEqual([
      { by: 'tool', text: 'Bash touch no' },
      { by: 'system', text: 'Bash was not allowed: not today' },
      { by: 'tool', text: 'failed: not today' },
      { by: 'agent', text: 'one' },
    ]);
  });

  it('shows what it was told when it takes that in', () => {
    const { shown, state } = read(linesOf('message-joins'));
    expect(shown.map(({ by }) => by)).toEqual(['user', 'tool', 'user', 'agent']);
    expect(state).toMatchObject({ results: 1, idle: true });
    expect(read(linesOf('message-waits')).state).toMatchObject({ results: 2, answer: { text: 'two' } });
  });

  it('is idle after a tool that took some seconds, whose end is told like that of a background task', () => {
    expect(linesOf('slow-tool').some((line) => line.includes('task_notification'))).toBe(true);
    expect(idleAt('slow-tool')).toEqual([['success', true]]);
  });

  it('shows why it takes long', () => {
    const text = 'the service refused (529 overloaded); try 1 of 2 in 0.6 s';
    expect(read(linesOf('retry-recovers')).shown[0]).toEqual({ by: 'system', text });
  });

  it('gives the structured result beside its text', () => {
    expect(read(linesOf('structured')).state.answer).toEqual({ text: '{"name":"Ann"}', structured: { name: 'Ann' } });
    expect(read(linesOf('structured-never')).state.answer).toEqual({ text: 'Done.' });
  });

  it('remembers every refused tool of all turns', () => {
    expect(read(linesOf('denied-twice')).state.denials).toEqual([
      { tool: 'Bash', input: 'touch /tmp/xx1' },
      { tool: 'Bash', input: 'touch /tmp/xx2' },
    ]);
    expect(read(linesOf('allowed-by-hook')).state.denials).toEqual([]);
  });
});

describe('invariant 1: the last result counts', () => {
  it('of two', () => {
    expect(read(linesOf('background')).state).toMatchObject({ results: 2, turns: 3, answer: { text: 'Done.' } });
    expect(read(linesOf('subagent')).state).toMatchObject({ results: 2, answer: { text: 'Done.' } });
  });

  it('and none before it, once another turn has begun', () => {
    const { state } = read(linesOf('sigint-in-second-turn'));
    expect(state).toMatchObject({ results: 1, idle: false });
    expect(state).not.toHaveProperty('answer');
    expect(read(linesOf('interrupted-then-told')).state).not.toHaveProperty('failure');
  });
});

describe('invariant 2: idle', () => {
  it('is a run that has answered and has nothing in the background', () => {
    expect(idleAt('tool-and-answer')).toEqual([['success', true]]);
    expect(idleAt('background')).toEqual([['success', true]]); // the second one
    expect(idleAt('interrupted')).toEqual([['error_during_execution', true]]);
    expect(idleAt('killed-in-tool')).toEqual([]);
  });

  it('ends when another turn begins', () => {
    expect(idleAt('message-waits')).toEqual([
      ['success', true],
      ['init', false],
      ['success', true],
    ]);
    expect(idleAt('background-ends-in-turn')).toEqual([['success', true]]); // the second one
    expect(idleAt('background-told-in-turn')).toEqual([['success', true]]); // there is only one
  });
});

describe('invariant 3: usage and cost are this run’s own', () => {
  it('over several results', () => {
    expect(read(linesOf('background')).state.usage).toMatchObject({
      input_tokens: 8551,
      output_tokens: 60,
      cost_usd: expect.closeTo(0.0354, 4),
    });
  });

  it('where the conversation had cost something before', () => {
    const [result] = linesOf('resumed-after-end').slice(-1);
    expect(JSON.parse(result ?? '').total_cost_usd).toBeCloseTo(0.0251, 4);
    expect(read(linesOf('resumed-after-end')).state.usage?.cost_usd).toBeCloseTo(0.0127, 4);
  });

  it('where the turn itself counts nothing', () => {
    expect(read(linesOf('max-budget')).state.usage).toMatchObject({ input_tokens: 900_000, cost_usd: 3.64 });
  });
});

describe('whatever else is on the stream', () => {
  const stream = fc.constantFrom(...STREAMS);
  /** What a hook, a library or a crash may write there; and what a later version may. */
  const noise = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('utf8').replaceAll('\n', ' ')),
    fc.constantFrom(
      '',
      '{}',
      '[]',
      'null',
      '{"type":',
      '{"type":"result"',
      '(node:1) Warning: x',
      '{"type":"novelty"}',
    ),
    fc.constantFrom('{"type":"system","subtype":"novelty"}', '{"type":"assistant"}', '{"type":"user","message":7}'),
  );

  it('changes nothing', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.tuple(fc.nat(), noise), { maxLength: 20 }), (name, extra) => {
        const lines = linesOf(name);
        const disturbed = [...lines];
        for (const [at, line] of extra) disturbed.splice(at % (disturbed.length + 1), 0, line);
        expect(read(disturbed)).toEqual(read(lines));
      }),
      { numRuns: 60 },
    );
  });

  it('a line that is cut anywhere counts as none; two that have run together are none', () => {
    fc.assert(
      fc.property(stream, fc.nat(), fc.nat(), (name, at, cut) => {
        const lines = linesOf(name);
        const index = at % lines.length;
        const line = lines[index] as string;
        const without = lines.toSpliced(index, 1);
        const part = line.slice(0, cut % line.length);
        expect(read(lines.toSpliced(index, 1, part))).toEqual(read(without));
        expect(read(lines.toSpliced(index, 1, part + line))).toEqual(read(part === '' ? lines : without));
      }),
      { numRuns: 60 },
    );
  });

  it('is told apart from a line of a known kind and a strange form, which breaks nothing', () => {
    const type = fc.constantFrom('system', 'assistant', 'user', 'result', 'rate_limit_event');
    const subtype = fc.constantFrom('init', 'api_retry', 'background_tasks_changed', 'task_notification', 'success');
    const keys = ['message', 'tasks', 'session_id', 'result', 'errors', 'num_turns', 'permission_denials', 'timestamp'];
    const rest = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue());
    const line = fc.tuple(type, subtype, rest).map(([type, subtype, rest]) => ({ ...rest, type, subtype }));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { state, shown } = read(lines.map((line) => JSON.stringify(line)));
        expect(state.results).toBeLessThanOrEqual(lines.length);
        for (const { text } of shown) expect(typeof text).toBe('string');
      }),
      { numRuns: 100 },
    );
  });

  it('may be megabytes long, or no text at all', () => {
    const huge = 'x'.repeat(5_000_000);
    const said = { type: 'assistant', message: { content: [{ type: 'text', text: huge }] } };
    const tool = {
      type: 'assistant',
      message: { content: [{ type: 'tool_use', name: 'Write', input: { content: huge } }] },
    };
    const result = { type: 'result', subtype: 'success', is_error: false, result: `\u001b[2J${huge}` };
    const { state, shown } = read([said, tool, result].map((line) => JSON.stringify(line)));
    expect(state.answer?.text.length).toBeLessThanOrEqual(1_000_000);
    expect(state.answer?.text.startsWith('x')).toBe(true);
    for (const { text } of shown) expect(text.length).toBeLessThanOrEqual(8_000);
    const bytes = Buffer.from(linesOf('tool-and-answer').join('\n').replace('"one"', '"\u00ff\u00fe"'), 'latin1');
    expect(read(bytes.toString('utf8').split('\n')).state).toMatchObject({ results: 1, idle: true });
  });
});

describe('what is known of a run while it works', () => {
  it('is what its messages have taken since the last result, subagents too', () => {
    const lines = linesOf('subagent');
    const result = lines.findIndex((line) => line.includes('"type":"result"'));
    const { underway } = read(lines.slice(0, result)).state;
    expect(underway).toMatchObject([{ model: 'claude-opus-5-5', tokens: { input_tokens: 14_674 } }]);
    const { state } = read(lines.slice(0, result + 1));
    expect(state.underway).toBeUndefined();
    expect(state.usage?.input_tokens).toBe(14_674);
  });

  it('is how full the windows of its account are', () => {
    const at = 1_795_292_948;
    expect(read(linesOf('limit-five-hour')).state.windows).toEqual([
      { name: 'five_hour', used: 1, resets_at: at * 1_000, length_ms: 18_000_000 },
    ]);
    const unifiedWindows = {
      five_hour: { utilization: 0.2, resetsAt: at },
      seven_day_opus: { utilization: 0.4, resetsAt: at },
      odd: { utilization: 'much' },
      overage: { utilization: 0.1 },
    };
    const line = { type: 'rate_limit_event', rate_limit_info: { status: 'allowed', unifiedWindows } };
    expect(read([JSON.stringify(line)]).state.windows).toEqual([
      { name: 'five_hour', used: 0.2, resets_at: at * 1_000, length_ms: 18_000_000 },
      { name: 'seven_day_opus', used: 0.4, resets_at: at * 1_000, length_ms: 604_800_000 },
      { name: 'overage', used: 0.1 },
    ]);
  });
});
