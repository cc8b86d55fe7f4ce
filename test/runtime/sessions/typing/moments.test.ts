import { expect, test } from 'vitest';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import { seededChance } from '../../../fakes/seeded-chance.ts';
import { Scene } from './scene.ts';

/*
 * A message at a random moment, in a real terminal, to an agent that starts, works, asks or waits at a dialog, while a
 * person scrolls or types. Each is delivered once, or refused with the reason; no dialog is ever answered by it.
 * `MOMENTS=300 MOMENTS_SEED=7` for more of them.
 */

const COUNT = Number(process.env.MOMENTS ?? 14);
const SEED = Number(process.env.MOMENTS_SEED ?? 1);
const REAL = process.env.MOMENTS_CLAUDE !== undefined;

const WORK = `${'[[sleep:250]][[bash:sleep 0.1]]'.repeat(5)}[[say:done]]`;
const asksFor = (command: string) => (REAL ? `[[bash:${command}]]` : `[[ask-permission:${command}]]`);
const QUESTION = REAL
  ? '[[tool:AskUserQuestion:{"questions":[{"question":"Which db?","header":"db","multiSelect":false,"options":[{"label":"pg","description":"a"},{"label":"sqlite","description":"b"}]}]}]]'
  : '[[question:Which db?|pg|sqlite]]';

type Situation = (scene: Scene, wait: (most: number) => Promise<void>) => Promise<void>;

/** How it comes to the moment; what has to be true whenever the message has been sent or refused. */
const SITUATIONS: Record<
  string,
  { prompt: string; trusted?: boolean; until: Situation; never?: (scene: Scene) => Promise<boolean> }
> = {
  starts: { prompt: WORK, until: (_scene, wait) => wait(1_200) },
  works: {
    prompt: WORK,
    async until(scene, wait) {
      await scene.heard('prompt');
      await wait(2_000);
    },
  },
  idle: {
    prompt: '[[say:done]]',
    async until(scene, wait) {
      await scene.heard('turn_ended');
      await wait(500);
    },
  },
  'is about to ask': {
    prompt: `[[sleep:700]]${asksFor('touch allowed')}[[say:done]]`,
    async until(scene, wait) {
      await scene.heard('prompt');
      await wait(1_800);
    },
    never: async (scene) => scene.made('allowed'),
  },
  'is about to put a question': {
    prompt: `[[sleep:700]]${QUESTION}[[say:done]]`,
    async until(scene, wait) {
      await scene.heard('prompt');
      await wait(1_800);
    },
    never: async (scene) => scene.reports().some(({ heard }) => heard.kind === 'tool_ended'),
  },
  'asks for trust': {
    prompt: WORK,
    trusted: false,
    until: (_scene, wait) => wait(1_500),
    never: async (scene) => (await scene.ended()) || scene.reports().some(({ heard }) => heard.kind === 'prompt'),
  },
  'has a person who scrolls': {
    prompt: WORK,
    async until(scene, wait) {
      await scene.heard('prompt');
      await wait(500);
      void wait(1_200).then(() => scene.scrolls()); // while it is typed
    },
  },
  'has a person who writes': {
    prompt: WORK,
    async until(scene, wait) {
      await scene.heard('prompt');
      await wait(500);
      void wait(1_200).then(() => scene.person('-l', 'half a li')); // while it is typed
    },
  },
};

const TEXTS = [
  (mark: string) => `please look at ${mark} again`,
  (mark: string) => `1 ${mark}`,
  (mark: string) => `/exit ${mark}`,
  (mark: string) => `!touch ${mark}`,
  (mark: string) => mark,
  (mark: string) => `mind the path C:\\${mark}\\`,
  (mark: string) => `a list for you:\n- ${mark}\n- two\n- three\n- four\n- five`,
  (mark: string) => `${mark} ${'and then something more '.repeat(60)}`,
];

const chance = seededChance(SEED);
const moments = Array.from({ length: COUNT }, (_, index) => {
  const names = Object.keys(SITUATIONS);
  const situation = names[index % names.length] as string;
  return { index, situation, draws: Array.from({ length: 8 }, () => chance.fraction()) };
});

test.each(moments)('moment $index: the agent $situation', { timeout: 90_000 }, async ({ index, situation, draws }) => {
  const { prompt, trusted = true, until, never } = SITUATIONS[situation] as (typeof SITUATIONS)[string];
  const drawn = [...draws];
  const draw = () => drawn.pop() ?? 0.5;
  const unread = draw() < 0.5;
  const scene = await Scene.open({ prompt, trusted, unread });
  const wait = (most: number) => new Promise<void>((resolve) => setTimeout(resolve, draw() * most));
  await until(scene, wait);
  const mark = `mark-${SEED}-${index}`;
  const text = TEXTS[Math.floor(draw() * TEXTS.length)]?.(mark) ?? mark;
  const sent = await scene.send(text);
  const told = isRefusal(sent) ? `${sent.code}: ${sent.message}` : sent.verdict;
  if (process.env.MOMENTS) console.log(`${index} ${situation}${unread ? ', unread' : ''}: ${told}`);
  if (isRefusal(sent)) expect(`${sent.message} → ${sent.hint}`).toMatch(/.{20,} → .{5,}/);
  const most = isRefusal(sent) ? 0 : 1;
  const least = !isRefusal(sent) && sent.verdict === 'delivered' ? 1 : 0;
  await wait(600); // whatever was set off comes to light
  expect(scene.taken(mark), told).toBeGreaterThanOrEqual(least);
  expect(scene.taken(mark), told).toBeLessThanOrEqual(most);
  expect(await never?.(scene), told).not.toBe(true);
  expect(scene.made(mark)).toBe(false);
  expect(scene.held()).toBe(false);
});
