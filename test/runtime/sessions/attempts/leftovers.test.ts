import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type World, world } from './attempts-world.ts';

/* Agents whose attempt is over and that stay open: what people do with them, and how they go. */

const DONE = { kind: 'turn_ended', message: 'All is well.', background: 0, prompt_id: 'p1' } as const;

async function left() {
  const w = await world();
  const ref = await w.working();
  const { conversation } = await w.record(ref);
  await w.report(ref, DONE);
  await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.lingering).toBe(true));
  const pid = w.attempts.view('ccl-1')?.pid ?? 0;
  return { w, ref, pid, conversation };
}

function used(w: World, is: boolean) {
  return vi.waitFor(() => expect(w.attempts.inUse('ccl-1')).toBe(is), { timeout: 3_000 });
}

describe('a person who uses an agent that was left', () => {
  it('and presses Escape has left it: no hook tells of that', async () => {
    const { w, ref, pid, conversation } = await left();
    await w.report(ref, { kind: 'prompt', prompt: 'and what about that?', prompt_id: 'x1' });
    w.live(pid, 'busy', conversation);
    await used(w, true);
    await w.clock.advance(5_000);
    w.live(pid, 'idle', conversation);
    await used(w, false);
  });

  it('and sends a second word before the first is answered has left it when both are', async () => {
    const { w, ref } = await left();
    await w.report(ref, { kind: 'prompt', prompt: 'and that?', prompt_id: 'x1' });
    await w.report(ref, { kind: 'prompt', prompt: 'and this?', prompt_id: 'x1' });
    await used(w, true);
    await w.report(ref, { ...DONE, message: 'so and so', prompt_id: 'x1' });
    await used(w, false);
  });

  it('and refuses a tool with Escape has left it', async () => {
    const { w, ref, pid, conversation } = await left();
    await w.report(ref, { kind: 'prompt', prompt: 'try it', prompt_id: 'x1' });
    await w.report(ref, { kind: 'asks', tool: 'Bash', input: { command: 'make' } });
    w.live(pid, 'waiting', conversation);
    await used(w, true);
    await w.clock.advance(5_000);
    w.live(pid, 'idle', conversation);
    await used(w, false);
  });

  it('and begins another conversation in it (/clear, /resume) uses it while that one is at work', async () => {
    const { w, ref, pid } = await left();
    await w.report(ref, { kind: 'left', reason: 'clear' });
    w.live(pid, 'busy', 'another-conversation');
    await used(w, true);
    expect(w.attempts.view('ccl-1')?.state).toBe('occupied');
    w.live(pid, 'idle', 'another-conversation');
    await used(w, false);
  });
});

describe('an agent that was left', () => {
  it('and outlives its terminal is ended: a hang-up alone may not have been enough', async () => {
    const { w, ref } = await left();
    await w.seats.vacate('ccl-1'); // the pool gives its place to the placeholder
    expect(w.runs.get(w.dirOf(ref))?.kind).toBe('running');
    w.seats.tell({ kind: 'look' });
    await vi.waitFor(() => expect(w.runs.get(w.dirOf(ref))?.kind).toBe('dead'));
    expect(w.attempts.view('ccl-1')).toBeUndefined();
  });

  it('with reports that can’t be read hinders neither a look nor the next start', async () => {
    const { w, ref } = await left();
    await w.restart();
    expect(w.attempts.view('ccl-1')?.lingering).toBe(true);
    w.agent.hear = () => {
      throw new Error('EIO');
    };
    await writeFile(join(w.dirOf(ref), 'hooks', '00000009-1-prompt.json'), '{}');
    await expect(w.restart()).resolves.toBeUndefined();
    const next = await w.task();
    await w.launch(next, 'ccl-2');
    expect(await w.state_of(next)).toBe('running');
  });
});

describe('an attempt whose end is told', () => {
  it('has the next task of its seat wait for the moment, not go back to the queue', async () => {
    const w = await world();
    const ref = await w.working();
    const next = await w.task();
    let launched: Promise<void> | undefined;
    w.ports.store.subscribe((changes) => {
      if (changes.some(({ after }) => after && 'finished_seq' in after)) launched ??= w.launch(next);
    });
    await w.report(ref, DONE);
    await vi.waitFor(() => expect(launched).toBeDefined());
    await launched;
    expect(await w.state_of(next)).toBe('running');
    expect(w.attempts.view('ccl-1')).toMatchObject({ lingering: false, task: { ref: next } });
  });

  it('gives its seat back though what waits for an answer can’t be let go', async () => {
    const w = await world();
    const ref = await w.working();
    w.ports.requests.recovered = async () => {
      throw new Error('EMFILE');
    };
    await w.report(ref, DONE);
    await vi.waitFor(() => expect(w.attempts.view('ccl-1')?.lingering).toBe(true));
    const next = await w.task();
    await w.launch(next);
    expect(await w.state_of(next)).toBe('running');
    await w.confirm(next);
    await w.report(next, DONE);
    await vi.waitFor(async () => expect(await w.state_of(next)).toBe('done'));
    expect(w.seats.log).toEqual(['take ccl-1', 'take ccl-1']);
  });
});
