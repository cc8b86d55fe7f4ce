import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { SessionRequest } from '../../../../src/runtime/model/session.ts';
import { interrupt } from '../../../../src/runtime/sessions/typing/interrupt.ts';
import { message } from '../../../../src/runtime/sessions/typing/message.ts';
import type { Doing } from '../../../../src/runtime/sessions/typing/pane-agent.ts';
import { CONVERSATION, type SessionWorld, sessionWorld } from './world.ts';

const TEXT = 'Please use the other database';
const OWNER = { by: 'owner' } as const;

const send = ({ guard, agent }: SessionWorld, text = TEXT) => message(guard, agent, text, OWNER);

/** What the refusal says, and that nothing was typed. */
async function refused(world: SessionWorld): Promise<string> {
  const typed = await send(world);
  if (!isRefusal(typed)) throw new Error(`it was ${typed.verdict}`);
  expect(world.pane.log).toEqual([]);
  expect(world.left()).toEqual([]); // no hold
  return `${typed.message} → ${typed.hint}`;
}

describe('a message', () => {
  test('is pasted, seen in the box, submitted, and confirmed by the agent; meanwhile no tool begins', async () => {
    const world = sessionWorld();
    const held: boolean[] = [];
    const { onEnter } = world.pane;
    world.pane.onEnter = (box) => {
      held.push(existsSync(join(world.run_dir, 'hold')));
      onEnter(box);
    };
    expect(await send(world)).toEqual({ verdict: 'delivered' });
    expect(world.pane.log).toEqual([`paste ${TEXT}`, 'Enter']);
    expect(held).toEqual([true]);
    expect(world.left()).toEqual([]);
  });

  test('reaches an agent that is idle, and one that works', async () => {
    for (const kind of ['ready', 'busy'] as const) {
      const world = sessionWorld();
      world.pane.shows = { kind, box: '' };
      world.pane.doing = { kind: kind === 'busy' ? 'working' : 'idle' };
      expect(await send(world)).toEqual({ verdict: 'delivered' });
    }
  });

  test('of many lines is led in by typed words, and the box shows both', async () => {
    const world = sessionWorld();
    const text = 'one\ntwo\nthree\nfour\nfive';
    world.pane.onEnter = (box) => {
      world.pane.type('');
      const [lead] = box.split('[Pasted');
      world.pane.tell({
        kind: 'prompt',
        prompt: `${lead}\n\n<pasted_content id="1">\n${text}\n</pasted_content id="1">\n`,
      });
    };
    expect(await send(world, text)).toEqual({ verdict: 'delivered' });
    expect(world.pane.log).toEqual([expect.stringMatching(/^paste The owner of this task/), `paste ${text}`, 'Enter']);
  });

  test('two at once go one after the other', async () => {
    const world = sessionWorld();
    const both = await Promise.all([send(world, 'the first message'), send(world, 'the second message')]);
    expect(both).toEqual([{ verdict: 'delivered' }, { verdict: 'delivered' }]);
    expect(world.pane.log).toEqual(['paste the first message', 'Enter', 'paste the second message', 'Enter']);
  });

  test('of a worker is refused', async () => {
    const world = sessionWorld();
    expect(await message(world.guard, world.agent, TEXT, { by: 'attempt' })).toMatchObject({ code: 'not_allowed' });
    expect(world.pane.log).toEqual([]);
  });
});

describe('nothing is typed', () => {
  const doings: [Doing, RegExp][] = [
    [{ kind: 'starting' }, /is starting.*try again/],
    [{ kind: 'gone', detail: 'it ended' }, /no agent runs in shop: it ended/],
    [{ kind: 'unknown', detail: 'tmux is silent' }, /not certain: tmux is silent/],
    [{ kind: 'blocked', on: 'question', since: 0 }, /waits for somebody: question.*answer_request/],
    [{ kind: 'blocked', on: 'dialog', since: 0, detail: 'trust' }, /dialog \(trust\).*yardmaster attach shop/],
    [{ kind: 'blocked', on: 'interrupted', since: Date.now() + 60_000 }, /next word is theirs/],
  ];
  test.each(doings)('to an agent that is %o', async (doing, says) => {
    const world = sessionWorld();
    world.pane.doing = doing;
    expect(await refused(world)).toMatch(says);
  });

  test('while a request is open: it is named', async () => {
    const world = sessionWorld();
    world.open.push({ id: 'req-1', kind: 'permission', tool: 'Bash' } as SessionRequest);
    expect(await refused(world)).toMatch(/may use Bash.*answer_request req-1/);
  });

  test('while a hook has just begun to wait, whether or not anybody has read its report', async () => {
    const world = sessionWorld();
    execFileSync('mkfifo', [join(world.run_dir, 'answers', '000001-x')]);
    expect(await refused(world)).toMatch(/waits for the answer to a request/);
  });

  test('while the agent itself says that it waits', async () => {
    const world = sessionWorld();
    world.pane.live = { status: 'waiting', waiting_for: 'permission prompt', conversation: CONVERSATION, at: 1 };
    expect(await refused(world)).toMatch(/waits for permission prompt/);
  });

  test('at a dialog, an error, or a screen that nobody knows', async () => {
    for (const shows of [
      { kind: 'dialog', what: 'Do you trust this folder?', blocked: 'dialog' } as const,
      { kind: 'error', what: 'cannot connect' } as const,
      { kind: 'unknown' } as const,
    ]) {
      const world = sessionWorld();
      world.pane.shows = shows;
      expect(await refused(world)).toMatch(/shows (a dialog: Do you trust|an error: cannot|nothing that is known)/);
    }
  });

  test('into a box in which somebody writes', async () => {
    const world = sessionWorld();
    world.pane.type('half a li');
    expect(await refused(world)).toMatch(/somebody's text stands in the box/);
    expect(world.pane.box).toBe('half a li');
  });

  test('while a person scrolls', async () => {
    const world = sessionWorld();
    world.pane.in_mode = true;
    expect(await refused(world)).toMatch(/a person scrolls/);
  });
});

describe('after the paste', () => {
  test('a dialog that came up gets no Enter', async () => {
    const world = sessionWorld();
    world.pane.onPaste = () => {
      world.pane.shows = { kind: 'dialog', what: 'Do you want to proceed?', blocked: 'permission' };
    };
    expect(await send(world)).toMatchObject({ code: 'busy', message: expect.stringMatching(/may have swallowed/) });
    expect(world.pane.log).toEqual([`paste ${TEXT}`]);
  });

  test('a request that opened gets no Enter; the text is taken out of the box again', async () => {
    const world = sessionWorld();
    world.pane.onPaste = () => {
      world.open.push({ id: 'req-1', kind: 'permission', tool: 'Bash' } as SessionRequest);
    };
    expect(await send(world)).toMatchObject({ refused: true, message: expect.stringMatching(/taken out of the box/) });
    expect(world.pane.log).toEqual([`paste ${TEXT}`, 'C-u']);
    expect(world.pane.box).toBe('');
  });

  test('text that somebody typed at the same time is left there, with ours', async () => {
    const world = sessionWorld();
    world.pane.onPaste = () => world.pane.type('wait, ');
    expect(await send(world)).toMatchObject({ refused: true, message: expect.stringMatching(/both texts stand/) });
    expect(world.pane.log).toEqual([`paste ${TEXT}`]);
    expect(world.pane.box).toBe(`wait, ${TEXT}`);
  });

  test('a text that was swallowed is not sent again', async () => {
    const world = sessionWorld();
    const { paste } = world.pane;
    world.pane.paste = async (...of) => {
      const done = await paste.apply(world.pane, of);
      world.pane.type('');
      return done;
    };
    expect(await send(world)).toMatchObject({ refused: true, message: expect.stringMatching(/nothing of it is in/) });
    expect(world.pane.log).toEqual([`paste ${TEXT}`]);
  });

  test('an Enter of the person who watches is as good as ours', async () => {
    const world = sessionWorld();
    const { paste, onEnter } = world.pane;
    world.pane.paste = async (...of) => {
      const done = await paste.apply(world.pane, of);
      world.pane.later(1, () => onEnter(world.pane.box));
      return done;
    };
    expect(await send(world)).toEqual({ verdict: 'delivered' });
  });

  test('a swallowed Enter is pressed once more, while the text stands there', async () => {
    const world = sessionWorld();
    const { onEnter } = world.pane;
    world.pane.onEnter = () => {
      world.pane.onEnter = onEnter;
    };
    expect(await send(world)).toEqual({ verdict: 'delivered' });
    expect(world.pane.log).toEqual([`paste ${TEXT}`, 'Enter', 'Enter']);
  });

  test('a text that no Enter submits is taken out again', async () => {
    const world = sessionWorld();
    world.pane.onEnter = () => {};
    expect(await send(world, 'one line\nand another')).toMatchObject({
      refused: true,
      message: expect.stringMatching(/Enter did not submit it; it was taken out/),
    });
    expect(world.pane.log).toEqual(['paste one line\nand another', 'Enter', 'Enter', 'C-u', 'C-u']);
  });

  test('without a report of the agent it is unconfirmed, and a late one of another text is none', async () => {
    const world = sessionWorld();
    world.pane.onEnter = () => {
      world.pane.type('');
      world.pane.tell({ kind: 'prompt', prompt: 'something else' });
      world.pane.tell({ kind: 'prompt', prompt: TEXT }, 'another conversation');
    };
    expect(await send(world)).toMatchObject({
      verdict: 'unconfirmed',
      detail: expect.stringMatching(/has not reported/),
    });
    expect(world.pane.log).toEqual([`paste ${TEXT}`, 'Enter']);
  });

  test('the report of an earlier message with the same words confirms nothing', async () => {
    const world = sessionWorld();
    world.pane.tell({ kind: 'prompt', prompt: TEXT });
    world.pane.onEnter = () => world.pane.type('');
    expect(await send(world)).toMatchObject({ verdict: 'unconfirmed' });
  });

  test('a screen that answers too slowly gets no Enter: hooks keep to a hold for a while only', async () => {
    const world = sessionWorld();
    const { paste } = world.pane;
    world.pane.paste = async (...of) => {
      await new Promise<void>((resolve) => world.pane.later(9_000, resolve));
      return paste.apply(world.pane, of);
    };
    expect(await send(world)).toMatchObject({ refused: true, message: expect.stringMatching(/too slowly/) });
    expect(world.pane.log).toEqual([`paste ${TEXT}`, 'C-u']);
    expect(world.left()).toEqual([]);
  });
});

describe('Escape', () => {
  const stop = (world: SessionWorld, dismiss = false) =>
    interrupt({ guard: world.guard, tmux: world.pane, clock: world.clock, files: world.files }, world.agent, OWNER, {
      dismiss,
    });

  test('is pressed while the agent works, and its own state confirms it', async () => {
    const world = sessionWorld();
    world.pane.shows = { kind: 'busy', box: '' };
    world.pane.live = { status: 'busy', conversation: CONVERSATION, at: 1 };
    world.pane.onEscape = () =>
      world.pane.later(1_200, () => {
        world.pane.live = { status: 'idle', conversation: CONVERSATION, at: world.clock.now() };
        world.pane.shows = { kind: 'ready', box: 'the prompt again' };
      });
    expect(await stop(world)).toEqual({ verdict: 'interrupted', detail: expect.stringMatching(/prompt stands in/) });
    expect(world.pane.log).toEqual(['Escape']);
  });

  test('is never pressed at a dialog, nor at an empty box', async () => {
    for (const shows of [
      { kind: 'dialog', what: 'Allow?', blocked: 'permission' } as const,
      { kind: 'unknown' } as const,
      { kind: 'ready', box: '' } as const,
    ]) {
      const world = sessionWorld();
      world.pane.shows = shows;
      expect(await stop(world)).toMatchObject({ refused: true });
      expect(world.pane.log).toEqual([]);
    }
  });

  test('dismisses the request of a tool for somebody who wants just that, and no other dialog', async () => {
    const world = sessionWorld();
    world.pane.doing = { kind: 'blocked', on: 'permission', since: 0 };
    world.pane.shows = { kind: 'dialog', what: 'Allow?', blocked: 'permission' };
    world.open.push({ id: 'req-1', kind: 'permission', tool: 'Bash' } as SessionRequest);
    expect(await stop(world)).toMatchObject({ refused: true, hint: expect.stringMatching(/req-1/) });
    world.pane.onEscape = () => {
      world.pane.shows = { kind: 'ready', box: '' };
    };
    expect(await stop(world, true)).toEqual({ verdict: 'interrupted' });
    world.pane.shows = { kind: 'dialog', what: 'Trust?', blocked: 'dialog' };
    expect(await stop(world, true)).toMatchObject({ refused: true });
    expect(world.pane.log).toEqual(['Escape']);
  });

  test('that changes nothing is unconfirmed', async () => {
    const world = sessionWorld();
    world.pane.shows = { kind: 'busy', box: '' };
    expect(await stop(world)).toMatchObject({ verdict: 'unconfirmed' });
  });
});
