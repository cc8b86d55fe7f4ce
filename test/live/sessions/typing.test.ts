import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { program } from '../program.ts';
import { LiveYard } from '../yard.ts';
import { forgetful } from './forgetful.ts';
import { live, MOMENTS, type Told } from './moments.ts';

/*
 * Messages at random moments: each is delivered once, or refused with the reason, and no dialog is ever answered by
 * accident. `LIVE_MOMENTS=500` for the long proof, `LIVE_SEED` to see one again.
 */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const count = Number(process.env.LIVE_MOMENTS ?? 24);
const seed = Number(process.env.LIVE_SEED ?? Math.floor(Math.random() * 1e9));

test(
  `${count} messages at random moments (seed ${seed})`,
  async () => {
    yard = await LiveYard.open(claude(), (around) => {
      const projects = ['shop', 'vault'].map((name) => ({
        name,
        path: around.world.project(name),
        shared_checkout: true,
      }));
      return {
        agent: {
          program: forgetful(claude(), around),
          permission_mode: 'default',
          allowed_tools: ['Bash(sh wait.sh *)'],
        },
        settings: { projects },
      };
    });
    writeFileSync(join(yard.shop, 'wait.sh'), 'until [ -e "$1" ]; do sleep 0.1; done\n');
    const chance = seededChance(seed);
    const told: Told[] = [];
    let next = 0;
    const worker = async () => {
      while (next < count) {
        const number = next++;
        const moment = MOMENTS[number % MOMENTS.length] ?? 'works';
        told.push(await live(yard, moment, number, Math.floor(chance.fraction() * 900)));
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(told.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    expect(told.filter(({ verdict, reason }) => verdict === 'refused' && reason === '')).toEqual([]);
    const taken = told.filter(({ verdict }) => verdict !== 'refused').map(({ moment }) => moment);
    expect(taken).not.toContain('half a line');
    expect(taken).not.toContain('trust');
  },
  60_000 + count * 8_000,
);
