import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/world.ts';
import { ask, bash, question } from '../model/play.ts';
import type { LiveYard } from '../yard.ts';
import { FORGET } from './forgetful.ts';

/* Moments at which somebody sends a message to a session, and what must be true afterwards. */

export const MOMENTS = [
  'starts',
  'works',
  'in a tool',
  'asks',
  'has a question',
  'in copy mode',
  'half a line',
  'trust',
] as const;
export type Moment = (typeof MOMENTS)[number];

export interface Told {
  readonly moment: Moment;
  readonly verdict: 'delivered' | 'unconfirmed' | 'refused';
  /** What the refusal said. */
  readonly reason: string;
  /** What went wrong; empty where all is well. */
  readonly wrong: readonly string[];
}

/** One task, one message at this moment, `after` ms later than it begins. */
export async function live(yard: LiveYard, moment: Moment, number: number, after: number): Promise<Told> {
  const id = `m-${number}`;
  const note = `note ${number} of a person.`;
  const story = STORIES[moment](yard, id);
  await yard.enqueue(id, `Work ${id}. ${story.play}`, { project: story.project ?? 'shop' });
  const session = await story.reached();
  await sleep(after);
  const said = await yard.client.call('message_session', { name: session, text: note });
  const verdict = said.isError
    ? 'refused'
    : ((said.structuredContent as { verdict: string }).verdict as Told['verdict']);
  const wrong = await story.afterwards(session, { note, verdict });
  const { state } = await yard.ended(id, story.project);
  if (state !== 'done') wrong.push(`it ended as ${state}`);
  wrong.push(...counted(verdict, yard.stage.reached(note)));
  const came = story.came?.() ?? true;
  return {
    moment: came ? moment : 'starts',
    verdict,
    reason: said.isError ? (said.content[0]?.text ?? '') : '',
    wrong,
  };
}

function counted(verdict: Told['verdict'], times: number): string[] {
  const right = { delivered: [1], refused: [0], unconfirmed: [0, 1] }[verdict];
  return right.includes(times) ? [] : [`${verdict}, and the model has it ${times} times`];
}

interface Story {
  readonly play: string;
  readonly project?: string;
  /** Whether the moment has really come. */
  came?(): boolean;
  /** The session, once the moment has come. */
  reached(): Promise<string>;
  /** What is wrong; it also lets the task come to its end. */
  afterwards(session: string, told: { note: string; verdict: Told['verdict'] }): Promise<string[]>;
}

const WORDS = { say: 'word '.repeat(60), pace: 50 };

const STORIES: Readonly<Record<Moment, (yard: LiveYard, id: string) => Story>> = {
  starts: (yard, id) => ({
    play: yard.stage.put(id, { wait: 300, ...WORDS }),
    reached: async () => (await yard.session(id, () => true)).name,
    afterwards: async () => [],
  }),
  works: (yard, id) => ({
    play: yard.stage.put(id, WORDS, WORDS),
    reached: async () => (await yard.session(id, ({ state }) => state === 'working')).name,
    afterwards: async () => [],
  }),
  'in a tool': (yard, id) => {
    const gate = join(yard.shop, `open-${id}`);
    return {
      play: yard.stage.put(id, { uses: [bash(`sh wait.sh ${gate}`)] }, { say: 'Done.' }),
      reached: async () => (await yard.session(id, ({ state }) => state === 'working')).name,
      async afterwards() {
        writeFileSync(gate, '');
        return [];
      },
    };
  },
  asks: (yard, id) => {
    const file = join(yard.shop, id);
    return {
      play: yard.stage.put(id, { wait: 200, uses: [bash(`touch ${file}`)] }, { say: 'Then not.' }),
      reached: async () => (await yard.session(id, ({ state }) => state === 'working' || state === 'blocked')).name,
      async afterwards() {
        const request = await yard.request(id);
        const wrong = existsSync(file) ? ['the dialog was answered'] : [];
        await yard.answer(request, { decision: 'deny', reason: 'no' });
        return wrong;
      },
    };
  },
  'has a question': (yard, id) => {
    let read = '';
    const play = yard.stage.put(
      id,
      { wait: 200, uses: [ask(question('Left or right?', ['Left', 'Right']))] },
      ({ answers }) => {
        read = answers.at(-1)?.text ?? '';
        return { say: 'Thank you.' };
      },
    );
    return {
      play,
      reached: async () => (await yard.session(id, ({ state }) => state === 'working' || state === 'blocked')).name,
      async afterwards(session, { verdict }) {
        const request = await yard.request(id);
        const wrong = read === '' ? [] : [`the question was answered: ${read}`];
        const screen = await yard.screen(session);
        if (verdict === 'refused' && screen.includes('of a person')) wrong.push('the message stands in the dialog');
        await yard.answer(request, { answers: { 'Left or right?': 'Right' } });
        await until(() => read !== '', 20_000);
        return read.includes('Right') ? wrong : [...wrong, `the model read ${read}`];
      },
    };
  },
  'in copy mode': (yard, id) => ({
    play: yard.stage.put(id, WORDS, WORDS),
    async reached() {
      const { name } = await yard.session(id, ({ state }) => state === 'working');
      await yard.person('copy-mode', '-t', `=${name}:`);
      return name;
    },
    async afterwards(session) {
      const inMode = await yard.person('display-message', '-p', '-t', `=${session}:`, '#{pane_in_mode}');
      if (inMode.trim() === '1') await yard.press(session, '-X', 'cancel');
      return [];
    },
  }),
  'half a line': (yard, id) => ({
    play: yard.stage.put(id, { say: 'word '.repeat(160), pace: 50 }),
    async reached() {
      const { name } = await yard.session(id, ({ state }) => state === 'working');
      await yard.press(name, '-l', 'a half-written li');
      await until(async () => (await yard.screen(name)).includes('a half-written li'));
      return name;
    },
    async afterwards(session, { note }) {
      const wrong = yard.stage.reached('half-written') > 0 ? ['the half-written line was sent'] : [];
      const screen = await yard.screen(session);
      if (!/half-written li\s*$/m.test(screen) || screen.includes(`li${note}`))
        wrong.push('the half-written line was touched');
      return wrong;
    },
  }),
  trust: (yard, id) => {
    let asked = false; // another of its processes may have brought the trust back
    const shows = async (session: string) => (await yard.screen(session)).includes('Quick safety check');
    return {
      project: 'vault',
      play: `${FORGET} ${yard.stage.put(id, { wait: 5_000, say: 'Done.' })}`,
      came: () => asked,
      async reached() {
        const { name } = await yard.session(id, () => true);
        const asks = async () => {
          asked = await shows(name);
          return asked || yard.stage.reached(`Work ${id}.`) > 0;
        };
        await until(asks, 30_000);
        return name;
      },
      async afterwards(session) {
        if (!asked) return [];
        if (!/❯ No, exit/.test(await yard.screen(session))) return ['the trust dialog was answered'];
        await until(async () => {
          const seen = await yard.screen(session); // a person does, and looks what the keys have done
          if (!seen.includes('Quick safety check')) return true;
          await yard.press(session, /❯ No, exit/.test(seen) ? 'Down' : 'Enter');
          await sleep(700);
          return false;
        }, 40_000);
        return [];
      },
    };
  },
};
