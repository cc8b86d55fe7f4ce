import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { modelAt } from '../agents/codex.ts';
import { ScriptedModel } from '../model/model.ts';
import type { Step } from '../model/script.ts';
import { program } from '../program.ts';
import { LiveYard } from '../yard.ts';
import { HEADLESS } from './yard.ts';

/* The real Codex and Gemini CLI as agents of a whole runtime, without a terminal: what a check refuses goes back to them. */

const codex = program('codex');
const gemini = program('gemini');

let yard: LiveYard;
let model: ScriptedModel;
afterEach(async () => {
  await yard?.end();
  await model?.close();
}, 60_000);

const asCodex = () =>
  LiveYard.open(
    codex(),
    ({ network, world }) => {
      mkdirSync(join(world.user, '.codex'), { recursive: true });
      writeFileSync(join(world.user, '.codex', 'config.toml'), modelAt(model.url));
      const env = { SCRIPTED_KEY: 'dummy', ...network.env };
      const settings = { program: [...network.enter, codex()], permission_mode: 'bypassPermissions', env };
      return { settings: { pool: {}, agents: { codex: settings } } };
    },
    [model.port],
  );

const asGemini = () =>
  LiveYard.open(
    gemini(),
    ({ network, world }) => {
      mkdirSync(join(world.user, '.gemini'), { recursive: true });
      const own = { security: { auth: { selectedType: 'gemini-api-key' } } };
      writeFileSync(join(world.user, '.gemini', 'settings.json'), JSON.stringify(own));
      const env = { GEMINI_API_KEY: 'dummy', GOOGLE_GEMINI_BASE_URL: model.url, ...network.env };
      const args = ['--model=gemini-2.5-flash'];
      const settings = { program: [...network.enter, gemini()], args, permission_mode: 'bypassPermissions', env };
      return { settings: { pool: {}, agents: { gemini: settings } } };
    },
    [model.port],
  );

const write = {
  codex: { call: 'exec_command', with: { cmd: 'echo 8080 > port', yield_time_ms: 30_000 } },
  gemini: { call: 'run_shell_command', with: { command: 'echo 8080 > port', description: 'A step of the work' } },
};

test.each(['codex', 'gemini'] as const)(
  '%s: its work is checked, goes back to the same conversation, and comes home with what is known of it',
  async (agent) => {
    const complains = 'port: No such file'; // grep's own words
    const steps: Step[] = [
      ({ words }) => (words.includes(complains) ? write[agent] : { say: 'The port is 8080.' }),
      () => ({ say: 'The port is 8080 now.' }),
    ];
    model = await ScriptedModel.start(steps);
    yard = await (agent === 'codex' ? asCodex() : asGemini());
    await yard.enqueue('port', 'Set the port to 8080.', { ...HEADLESS, agent, verify: 'grep 8080 port' });
    expect(await yard.ended('port')).toMatchObject({ state: 'done', result: { text: 'The port is 8080 now.' } });
    expect(readFileSync(join(yard.shop, 'port'), 'utf8')).toBe('8080\n');
    const file = yard.file('done', 'port');
    for (const line of ['status: completed', `agent: ${agent}`, 'verified: passed', 'attempts: 2'])
      expect(file).toContain(line);
    expect(file).toMatch(/session_id: "?[0-9a-f-]{36}/);
    expect(model.asked.at(-1)?.words).toMatch(/Set the port to 8080\..*port: No such file/s);
  },
  180_000,
);
