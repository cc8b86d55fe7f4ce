import { describe, expect, it } from 'vitest';
import type { Heard, LiveState } from '../../../src/runtime/agents/agent.ts';
import { hear, NOTHING_TOLD, phaseOf, type Seen, type Told } from '../../../src/runtime/policy/session-state.ts';

const OWN = { conversation: 'ours', nonce: 'run-1f' };
const T = 1_000_000;
const OURS: Heard = { kind: 'prompt', prompt: 'do it. Attempt: run-1f', prompt_id: 'p1' };
const ASKS: Heard = { kind: 'asks', tool: 'Bash', input: { command: 'make' } };

/** Reports a second apart, the first one at T. */
function told(...all: Heard[]): Told {
  return all.reduce(
    (before, heard, n) => hear(before, { report: `r${n}`, at: T + n * 1_000, conversation: 'ours', heard }, OWN),
    NOTHING_TOLD,
  );
}

const stop = (prompt_id: string, background = 0): Heard => ({
  kind: 'turn_ended',
  message: 'done',
  background,
  prompt_id,
});
const at = (ms: number, more: Partial<Seen> = {}): Seen => ({
  now: T + ms,
  process: 'alive',
  answered: new Set(),
  ...more,
});
const live = (status: LiveState['status'], ms: number, waiting_for?: string): { live: LiveState } => ({
  live: { status, conversation: 'ours', at: T + ms, ...(waiting_for && { waiting_for }) },
});

describe('an attempt', () => {
  it('starts, works and is done with the last message', () => {
    expect(phaseOf(NOTHING_TOLD, at(0)).phase.kind).toBe('starting');
    expect(phaseOf(told({ kind: 'ready' }, OURS), at(0)).phase.kind).toBe('working');
    const phase = phaseOf(told({ kind: 'ready' }, OURS, stop('p1')), at(0)).phase;
    expect(phase).toEqual({ kind: 'over', end: { kind: 'done', message: 'done' } });
  });

  it('has the conversation in which its prompt was submitted, where the agent names that itself', () => {
    const own = { ...OWN, conversation: 'stands for it', unnamed: true } as const;
    const say = (before: Told, conversation: string, heard: Heard) =>
      hear(before, { report: 'r', at: T, conversation, heard }, own);
    const other = say(NOTHING_TOLD, 'another', { kind: 'prompt', prompt: 'what is this?' });
    expect(other).toBe(NOTHING_TOLD);
    const begun = say(other, 'its own', OURS);
    expect(begun).toMatchObject({ conversation: 'its own', confirmed_at: T });
    expect(say(begun, 'another', stop('p1'))).toBe(begun);
    expect(say(begun, 'its own', stop('p1')).over).toMatchObject({ end: { kind: 'done' } });
  });

  it('that is told to be interrupted waits for the next word, and goes on with it', () => {
    const stopped = told(OURS, ASKS, { kind: 'interrupted' });
    expect(phaseOf(stopped, at(2_000)).phase).toMatchObject({ kind: 'blocked', on: 'interrupted', requests: [] });
    const goesOn = told(OURS, { kind: 'interrupted' }, { kind: 'prompt', prompt: 'go on', prompt_id: 'p2' });
    expect(phaseOf(goesOn, at(2_000)).phase.kind).toBe('working');
  });

  it('has failed when the agent says so of itself, and no report does', () => {
    const failed = { class: 'auth', reason: '401' } as const;
    const seen = { live: { status: 'idle', conversation: 'ours', at: T + 500, failed } } as const;
    expect(phaseOf(told(OURS), at(600, seen)).phase.kind).toBe('working');
    expect(phaseOf(told(OURS), at(3_000, seen)).phase).toEqual({
      kind: 'over',
      end: { kind: 'failed', failure: failed },
    });
  });

  it('is not done as long as a hook of the person’s own keeps its turn from ending', () => {
    const blocked = told(OURS, stop('p1')); // the stop at T + 1 s
    expect(phaseOf(blocked, at(1_050, live('busy', 500))).phase.kind).toBe('working');
    expect(phaseOf(blocked, at(1_200, live('idle', 1_100))).phase.kind).toBe('over');
    const goesOn = told(OURS, stop('p1'), ASKS);
    expect(phaseOf(goesOn, at(2_100, live('waiting', 2_050))).phase).toMatchObject({ on: 'permission' });
    const again = told(OURS, stop('p1'), { kind: 'tool_begins', tool: 'Bash' }, {
      ...stop('p1'),
      message: 'now',
    } as Heard);
    expect(phaseOf(again, at(3_200, live('idle', 3_100))).phase).toMatchObject({ end: { message: 'now' } });
    const next: Heard = { kind: 'prompt', prompt: 'a person goes on', prompt_id: 'p9' };
    const later = told(OURS, stop('p1'), next, ASKS, { ...stop('p9'), message: 'theirs' } as Heard);
    expect(phaseOf(later, at(9_000, live('busy', 8_000))).phase).toMatchObject({ end: { message: 'done' } });
  });

  it('goes on as long as something of it runs in the background, and ends with the end of what came of that', () => {
    const waits = told(OURS, stop('p1', 1));
    expect(phaseOf(waits, at(60_000, live('idle', 30_000))).phase).toMatchObject({ kind: 'working', background: 1 });
    const news: Heard = { kind: 'prompt', prompt: '<task-notification>', prompt_id: 'p2' };
    expect(told(OURS, stop('p1', 1), news).over).toBeUndefined();
    expect(told(OURS, stop('p1', 1), news, stop('p2')).over).toBeDefined();
  });

  it('with a message that was sent while it was busy ends when it is seen idle as well', () => {
    const message: Heard = { kind: 'prompt', prompt: 'and hurry', prompt_id: 'p2' };
    const state = told(OURS, message, stop('p1')); // the stop at T + 2 s
    expect(phaseOf(state, at(2_100, live('busy', 1_500)))).toMatchObject({
      phase: { kind: 'working' },
      again_at: T + 4_000,
    });
    expect(phaseOf(state, at(9_000, live('busy', 3_000))).phase.kind).toBe('working');
    expect(phaseOf(state, at(9_000, live('idle', 8_000))).phase.kind).toBe('over');
    expect(phaseOf(state, at(2_100)).phase.kind).toBe('working');
    expect(phaseOf(state, at(4_000)).phase.kind).toBe('over');
  });

  it('is not ended by a turn of somebody else that was under way before', () => {
    expect(told({ kind: 'prompt', prompt: 'a person types', prompt_id: 'p0' }, stop('p0'), OURS).over).toBeUndefined();
    expect(told({ kind: 'prompt', prompt: 'a person types', prompt_id: 'p0' }, OURS, stop('p0')).over).toBeUndefined();
  });

  it('keeps what went wrong before its prompt was confirmed for whoever asks why it was not', () => {
    const failure = { class: 'auth', reason: 'Please run /login' } as const;
    const state = told({ kind: 'turn_failed', failure });
    expect(state.over).toBeUndefined();
    expect(state.failed_early).toEqual(failure);
  });

  it('of a dead process is gone, unless it had told of its end', () => {
    expect(phaseOf(told(OURS), at(0, { process: 'dead' })).phase.kind).toBe('gone');
    expect(phaseOf(told(OURS, stop('p1')), at(0, { process: 'dead' })).phase.kind).toBe('over');
    expect(phaseOf(told(OURS), at(0, { process: 'unknown' })).phase.kind).toBe('working');
  });
});

describe('a request', () => {
  it('blocks until its tool has ended', () => {
    const asks = told(OURS, ASKS);
    expect(phaseOf(asks, at(2_000)).phase).toMatchObject({ kind: 'blocked', on: 'permission', since: T + 1_000 });
    const ended: Heard = { kind: 'tool_ended', tool: 'Bash', input: { command: 'make' } };
    expect(phaseOf(told(OURS, ASKS, ended), at(2_000)).phase.kind).toBe('working');
  });

  it('is not ended by another use of the same tool', () => {
    const other: Heard = { kind: 'tool_ended', tool: 'Bash', input: { command: 'ls' } };
    expect(told(OURS, ASKS, other).requests).toHaveLength(1);
    expect(told(OURS, ASKS, { kind: 'tool_ended', tool: 'Bash' }).requests).toHaveLength(0);
  });

  it('is over when it was answered by us, and the answer has time to show', () => {
    const asks = told(OURS, ASKS);
    const answered = { answered: new Set(['r1']), answered_at: T + 5_000 };
    expect(phaseOf(asks, at(5_100, { ...answered, ...live('waiting', 1_100) })).phase.kind).toBe('working');
    expect(phaseOf(asks, at(9_000, { ...answered, ...live('waiting', 1_100) })).phase).toMatchObject({ on: 'dialog' });
    expect(phaseOf(asks, at(9_000, { ...answered, ...live('busy', 5_200) })).phase.kind).toBe('working');
  });

  it('is over when the agent waited and works again: a person has answered it', () => {
    const asks = told(OURS, ASKS);
    const seen = at(2_000, { waited_at: T + 1_100, ...live('busy', 1_800) });
    expect(phaseOf(asks, seen)).toMatchObject({ answered: ['r1'], phase: { kind: 'working' } });
    expect(phaseOf(asks, at(1_200, live('busy', 1_050))).answered).toEqual([]);
  });

  it('with questions is a question', () => {
    const questions = [{ question: 'Which db?', options: [{ label: 'pg' }], multiple: false }];
    const asks: Heard = { kind: 'asks', tool: 'AskUserQuestion', input: { questions }, questions };
    expect(phaseOf(told(OURS, asks), at(2_000)).phase).toMatchObject({ on: 'question' });
    const ended: Heard = { kind: 'tool_ended', tool: 'AskUserQuestion', input: { questions, answers: {} } };
    expect(told(OURS, asks, ended).requests).toEqual([]);
  });
});

describe('an agent that a person has interrupted', () => {
  it('is idle, and has told of no end (E6)', () => {
    const works = told(OURS, { kind: 'tool_begins', tool: 'Bash' });
    expect(phaseOf(works, at(2_500, live('idle', 2_000)))).toMatchObject({
      phase: { kind: 'working' },
      again_at: T + 4_000,
    });
    expect(phaseOf(works, at(4_000, live('idle', 2_000))).phase).toMatchObject({ on: 'interrupted', since: T + 2_000 });
  });

  it('is not one whose state is older than what it has told', () => {
    const works = told({ kind: 'ready' }, { kind: 'ready' }, { kind: 'ready' }, OURS);
    expect(phaseOf(works, at(60_000, live('idle', 1_000))).phase.kind).toBe('working');
  });

  it('stays so when a mere notification comes later', () => {
    const works = told(OURS, { kind: 'other', what: 'idle_prompt' });
    expect(phaseOf(works, at(60_000, live('idle', 0))).phase).toMatchObject({ on: 'interrupted' });
  });

  it('works again with the next prompt', () => {
    const works = told(OURS, { kind: 'prompt', prompt: 'no, do the other thing', prompt_id: 'p2' });
    expect(phaseOf(works, at(9_000, live('busy', 1_100))).phase.kind).toBe('working');
  });

  it('has left its conversation when it began another', () => {
    const left = told(OURS, { kind: 'left', reason: 'clear' });
    expect(phaseOf(left, at(2_000)).phase.kind).toBe('working'); // it may be about to end
    expect(phaseOf(left, at(8_000)).phase).toMatchObject({ on: 'interrupted' });
    expect(phaseOf(left, at(2_000, { process: 'dead' })).phase.kind).toBe('gone');
    expect(phaseOf(told(OURS, { kind: 'left', reason: 'clear' }, { kind: 'ready' }), at(9_000)).phase.kind).toBe(
      'working',
    );
  });
});

describe('a dialog', () => {
  it('on the screen of an agent that has not begun blocks it', () => {
    const reading = { kind: 'dialog', what: 'Please log in', blocked: 'login' } as const;
    expect(phaseOf(NOTHING_TOLD, at(0, { screen: { reading, at: T } })).phase).toMatchObject({ on: 'login' });
    expect(phaseOf(NOTHING_TOLD, at(0, { screen: { reading: { kind: 'ready', box: '' }, at: T } })).phase.kind).toBe(
      'starting',
    );
  });

  it('that is told of ends with whatever the agent does next', () => {
    const dialog: Heard = { kind: 'dialog', what: 'a form of the server probe' };
    expect(phaseOf(told(OURS, dialog), at(2_000)).phase).toMatchObject({
      on: 'dialog',
      detail: 'a form of the server probe',
    });
    expect(phaseOf(told(OURS, dialog, { kind: 'tool_begins', tool: 'Read' }), at(3_000)).phase.kind).toBe('working');
    expect(phaseOf(told(OURS, dialog), at(9_000, live('busy', 5_000))).phase.kind).toBe('working');
    expect(phaseOf(told(OURS, ASKS, dialog), at(9_000)).phase).toMatchObject({ on: 'permission' });
  });
});
