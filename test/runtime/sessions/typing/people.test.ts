import { expect, test } from 'vitest';
import { Scene } from './scene.ts';

/* Somebody answers, stops, or says something to an agent in a real terminal; a person sits at the same terminal. */

const OWNER = { by: 'owner' } as const;
const ASKS = '[[ask-permission:touch allowed]][[echo]][[say:done]]';
const QUESTION = '[[question:Which db?|pg|sqlite]][[echo]]';

/** The agent has asked, and stands at its dialog. */
async function asking(prompt: string): Promise<{ scene: Scene; id: string }> {
  const scene = await Scene.open({ prompt });
  await scene.heard('asks');
  await scene.shows(/Esc to cancel/);
  const [request] = scene.asked();
  return { scene, id: request?.id ?? 'none' };
}

test('an allowed tool runs, a denied one does not, and the agent goes on in both', async () => {
  const { scene, id } = await asking(ASKS);
  expect(await scene.requests.answer(id, { decision: 'allow' }, OWNER)).toMatchObject({ verdict: 'confirmed' });
  await scene.heard('turn_ended');
  expect(scene.made('allowed')).toBe(true);
  const denied = await asking(ASKS);
  const given = { decision: 'deny', reason: 'not on Fridays' } as const;
  expect(await denied.scene.requests.answer(denied.id, given, OWNER)).toMatchObject({ verdict: 'confirmed' });
  await denied.scene.heard('turn_ended');
  expect(denied.scene.made('allowed')).toBe(false);
});

test('a question is answered without a key being pressed', async () => {
  const { scene, id } = await asking(QUESTION);
  expect(await scene.requests.answer(id, { decision: 'allow' }, OWNER)).toMatchObject({ code: 'invalid' });
  const given = { answers: { 'Which db?': 'sqlite' } };
  expect(await scene.requests.answer(id, given, OWNER)).toMatchObject({ verdict: 'confirmed' });
  await scene.heard('turn_ended');
  expect(JSON.stringify(scene.reports())).toContain('sqlite');
});

test('the person at the terminal is first: the answer that comes after is refused', async () => {
  const { scene, id } = await asking(ASKS);
  await scene.person('1');
  await scene.heard('tool_ended');
  expect(await scene.requests.answer(id, { decision: 'deny' }, OWNER)).toMatchObject({ refused: true, code: 'stale' });
  expect(scene.made('allowed')).toBe(true);
});

test('Escape stops an agent that works; at its dialog it is pressed only for who wants that', async () => {
  const scene = await Scene.open({ prompt: '[[bash:sleep 20]][[say:done]]' });
  await scene.heard('tool_begins');
  await scene.shows(/esc to interrupt/);
  expect(await scene.interrupt()).toMatchObject({ verdict: 'interrupted' });
  expect(await scene.interrupt()).toMatchObject({ refused: true });
  const { scene: asks } = await asking(ASKS);
  expect(await asks.interrupt()).toMatchObject({ refused: true, hint: expect.stringMatching(/answer_request req-/) });
  expect(await asks.interrupt({ dismiss: true })).toMatchObject({ verdict: 'interrupted' });
  expect(asks.made('allowed')).toBe(false);
});

test('a message that a person’s scrolling has stopped is taken out of the box before the next one', async () => {
  const scene = await Scene.open({ prompt: '[[say:ready]]' });
  await scene.heard('turn_ended');
  const stopped = scene.send('the first message\nof two lines');
  await scene.shows(/of two lines/);
  await scene.scrolls();
  const verdict = await stopped;
  await scene.scrollsNoMore();
  // He may have begun to scroll before Enter, or in the moment in which it was pressed.
  if ('refused' in verdict) expect(verdict.message).toMatch(/a person scrolls|Enter did not submit it/);
  expect(await scene.send('the second message')).toEqual({ verdict: 'delivered' });
  expect(scene.taken('the second message')).toBe(1);
  expect(scene.taken('the first message')).toBe('refused' in verdict ? 0 : 1);
});
