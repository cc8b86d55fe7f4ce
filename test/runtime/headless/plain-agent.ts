import type { HeadlessAgent, Progress, RunState, StreamReader } from '../../../src/runtime/agents/headless.ts';

/** An agent whose stream says what it means: {"say"}, {"tool"}, {"heard"}, {"result"}, {"busy"}, {"deny"}, {"id"}, {"stopped"}. */
export const plainAgent: HeadlessAgent = {
  program: 'claude',
  keeps: ['continues'],
  compose: () => ({ argv: ['plain'], env: {}, files: [], input: { kind: 'none' } }),
  reader: () => new PlainReader(),
  judge: ({ state, end }) =>
    state.answer && end.kind === 'exited' && end.code === 0
      ? { kind: 'done' }
      : { kind: 'failed', failure: state.failure ?? { class: 'crash', reason: 'it ended without an answer' } },
  message: (text) => `${JSON.stringify({ message: text })}\n`,
  interrupt: (id) => `${JSON.stringify({ interrupt: id })}\n`,
};

class PlainReader implements StreamReader {
  now: RunState = { idle: false, denials: [], results: 0 };

  take(line: string): readonly Progress[] {
    let told: Record<string, string>;
    try {
      told = JSON.parse(line);
    } catch {
      return [];
    }
    const { say, tool, heard, result, busy, deny, id, fail, stopped } = told;
    const { now } = this;
    if (id !== undefined) this.now = { ...now, conversation: id };
    if (busy !== undefined) this.now = { ...now, idle: false };
    if (deny !== undefined) this.now = { ...now, denials: [...now.denials, { tool: deny, input: '' }] };
    if (result !== undefined) this.now = { ...now, idle: true, results: now.results + 1, answer: { text: result } };
    if (stopped !== undefined) this.now = { idle: true, denials: now.denials, results: now.results + 1 };
    if (fail !== undefined)
      this.now = { ...now, failure: { class: 'rate_limit', reason: fail, account: 'limit', fresh: true } };
    if (say !== undefined) return [{ by: 'agent', text: say }];
    if (tool !== undefined) return [{ by: 'tool', text: tool }];
    return heard === undefined ? [] : [{ by: 'user', text: heard }];
  }
}

export const lineOf = (told: object): string => `${JSON.stringify(told)}\n`;
