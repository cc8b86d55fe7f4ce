import { describe, expect, it } from 'vitest';
import { Talk } from '../../../src/runtime/headless/talk.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { plainAgent } from './plain-agent.ts';

function talking(agent = plainAgent) {
  const clock = new VirtualClock();
  const written: string[] = [];
  let open = true;
  const pipe = {
    write: async (text: string) => {
      if (!open) return 'closed' as const;
      written.push(text);
      return 'written' as const;
    },
    close: async () => {
      open = false;
    },
  };
  return { clock, written, isOpen: () => open, talk: new Talk(clock, agent, pipe, 'never open') };
}

describe('what is said to an agent without a terminal', () => {
  it('is delivered when its stream shows that it was taken in', async () => {
    const { talk, written } = talking();
    const sent = talk.message('Use  the other\nURL, please.');
    talk.heard({ by: 'agent', text: 'Use the other URL, please.' }); // its own words are no sign
    talk.heard({ by: 'user', text: '[x] Use the other URL, please.' });
    expect(await sent).toEqual({ verdict: 'delivered' });
    expect(written).toEqual(['{"message":"Use  the other\\nURL, please."}\n']);
  });

  it('is unconfirmed where nothing shows it in time, and is not said again', async () => {
    const { talk, written, clock } = talking();
    const sent = talk.message('hello there');
    await clock.advance(8_000);
    expect(await sent).toMatchObject({ verdict: 'unconfirmed' });
    expect(written).toHaveLength(1);
  });

  it('can be no command of the agent', async () => {
    const { talk, written, clock } = talking();
    const sent = talk.message('/clear');
    await clock.advance(8_000);
    await sent;
    expect(written[0]).toContain('A message from the owner of this task: /clear');
  });

  it('is refused with the reason where nobody listens', async () => {
    const { message: _, ...mute } = plainAgent;
    expect(await talking(mute).talk.message('hello')).toMatchObject({
      code: 'not_possible',
      message: 'nothing was sent: claude without a terminal takes no messages',
    });
    const adopted = new Talk(new VirtualClock(), plainAgent, undefined, 'its input was closed');
    expect(await adopted.message('hello')).toMatchObject({ message: 'nothing was sent: its input was closed' });
    const { talk } = talking();
    await talk.close();
    expect(await talk.message('hello')).toMatchObject({ message: expect.stringContaining('it has done all') });
  });
});

describe('its input', () => {
  it('is closed when it has answered all (T1)', async () => {
    const { talk, isOpen } = talking();
    expect(await talk.idle()).toBeUndefined();
    expect(isOpen()).toBe(false);
  });

  it('stays open for a message that it has not taken in, for a while', async () => {
    const { talk, isOpen, clock } = talking();
    void talk.message('one more thing');
    expect(await talk.idle()).toBe(clock.now() + 20_000);
    expect(isOpen()).toBe(true);
    talk.heard({ by: 'user', text: 'one more thing' });
    await talk.idle();
    expect(isOpen()).toBe(false);
    const quiet = talking();
    void quiet.talk.message('unheard of');
    await quiet.clock.advance(20_000);
    await quiet.talk.idle();
    expect(quiet.isOpen()).toBe(false);
  });
});
