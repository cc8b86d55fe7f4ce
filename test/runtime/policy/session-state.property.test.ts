import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Heard, HeardReport } from '../../../src/runtime/agents/agent.ts';
import { hear, NOTHING_TOLD, phaseOf, type Seen, type Told } from '../../../src/runtime/policy/session-state.ts';

const OWN = { conversation: 'ours', nonce: 'run-1f' };
const seen: Seen = { now: 10_000_000, process: 'alive', answered: new Set() };

const anyPromptId = fc.constantFrom('p1', 'p2', 'p3', undefined);
const anyHeard: fc.Arbitrary<Heard> = fc.oneof(
  fc.constant<Heard>({ kind: 'ready' }),
  fc
    .tuple(fc.constantFrom('do it (run-1f)', 'and this', '<task-notification>'), anyPromptId)
    .map(([prompt, id]): Heard => ({ kind: 'prompt', prompt, ...(id && { prompt_id: id }) })),
  fc.constantFrom<Heard>({ kind: 'tool_begins', tool: 'Bash' }, { kind: 'tool_ended', tool: 'Bash', input: { a: 1 } }),
  fc.integer({ min: 1, max: 3 }).map((a): Heard => ({ kind: 'asks', tool: 'Bash', input: { a } })),
  fc.constant<Heard>({ kind: 'dialog', what: 'a form' }),
  fc.tuple(fc.integer({ min: 0, max: 2 }), anyPromptId).map(
    ([background, id]): Heard => ({
      kind: 'turn_ended',
      message: 'so it is',
      background,
      ...(id && { prompt_id: id }),
    }),
  ),
  fc.constant<Heard>({ kind: 'turn_failed', failure: { class: 'rate_limit', reason: '529' } }),
  fc.constant<Heard>({ kind: 'left', reason: 'clear' }),
  fc.constant<Heard>({ kind: 'other', what: 'Notification' }),
);

const anyReports = (conversation: fc.Arbitrary<string> = fc.constant('ours')): fc.Arbitrary<HeardReport[]> =>
  fc
    .array(fc.tuple(anyHeard, conversation), { maxLength: 14 })
    .map((all) =>
      all.map(([heard, whose], n) => ({ report: name(n), at: 1_000 + n * 100, conversation: whose, heard })),
    );

function name(n: number): string {
  return `r${String(n).padStart(4, '0')}`;
}

function fold(reports: readonly HeardReport[]): Told {
  return reports.reduce((told, report) => hear(told, report, OWN), NOTHING_TOLD);
}

const prompt = (text: string, prompt_id?: string): Heard => ({
  kind: 'prompt',
  prompt: text,
  ...(prompt_id && { prompt_id }),
});
const stop = (prompt_id?: string, background = 0): Heard => ({
  ...{ kind: 'turn_ended', message: 'so it is', background },
  ...(prompt_id && { prompt_id }),
});
const told = (...all: Heard[]): Told =>
  fold(all.map((heard, n) => ({ report: name(n), at: 1_000 + n * 100, conversation: 'ours', heard })));

describe('the state of a session', () => {
  it('is not changed by what another conversation reports (E1)', () => {
    fc.assert(
      fc.property(anyReports(fc.constantFrom('ours', 'theirs')), (reports) => {
        expect(fold(reports)).toEqual(fold(reports.filter(({ conversation }) => conversation === 'ours')));
      }),
    );
  });

  it('is never over before our prompt was confirmed (E3)', () => {
    fc.assert(
      fc.property(anyReports(), (reports) => {
        const state = fold(
          reports.filter(({ heard }) => !(heard.kind === 'prompt' && heard.prompt.includes('run-1f'))),
        );
        expect(state.over).toBeUndefined();
        expect(phaseOf(state, seen).phase.kind).not.toBe('over');
      }),
    );
  });

  it('is over as done only by an end under a prompt of ours, with nothing in the background (E3, E4)', () => {
    fc.assert(
      fc.property(anyReports(), (reports) => {
        const state = fold(reports);
        if (state.over?.end.kind !== 'done') return;
        const first = reports.findIndex(({ heard }) => heard.kind === 'prompt' && heard.prompt.includes('run-1f'));
        const ours = reports.slice(first).flatMap(({ heard }) => (heard.kind === 'prompt' ? [heard.prompt_id] : []));
        const ends = reports.filter(
          ({ heard }) =>
            heard.kind === 'turn_ended' &&
            heard.background === 0 &&
            (heard.prompt_id === undefined || ours.includes(heard.prompt_id)),
        );
        expect(ends.map(({ at }) => at)).toContain(state.over.at);
      }),
    );
  });

  it('stays as it ended, whatever comes behind a later prompt (E5)', () => {
    fc.assert(
      fc.property(anyReports(), anyReports(), (reports, later) => {
        const { over, ...state } = fold(reports);
        fc.pre(over !== undefined);
        const behind = [{ ...reports[0], heard: { kind: 'prompt', prompt: 'theirs' } } as HeardReport, ...later];
        const after = behind.reduce(
          (before, report) => hear(before, { ...report, conversation: OWN.conversation, at: 9_000 + report.at }, OWN),
          { ...state, over } as Told,
        );
        expect(after.over).toMatchObject(over as object);
        expect(after.report).toBe(state.report);
      }),
    );
  });

  it('has requests only while a turn of the agent is open', () => {
    fc.assert(
      fc.property(anyReports(), (reports) => {
        const state = fold(reports);
        if (state.over || state.left) expect(state.requests).toEqual([]);
        const asked = reports.filter(({ heard }) => heard.kind === 'asks').map(({ report }) => report);
        for (const { report } of state.requests) expect(asked).toContain(report);
        expect(new Set(state.requests.map(({ report }) => report)).size).toBe(state.requests.length);
      }),
    );
  });

  it('of a dead process is over or gone, never at work', () => {
    fc.assert(
      fc.property(anyReports(), (reports) => {
        expect(['over', 'gone']).toContain(phaseOf(fold(reports), { ...seen, process: 'dead' }).phase.kind);
      }),
    );
  });

  it('knows its end though its end was told before its prompt (E2)', () => {
    expect(told(stop('p1'), prompt('do it (run-1f)', 'p1')).over?.end).toEqual({ kind: 'done', message: 'so it is' });
    expect(told(stop('p0'), prompt('do it (run-1f)', 'p1')).over).toBeUndefined();
  });
});
