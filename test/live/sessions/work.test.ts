import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { bash, inBackground, write } from '../model/play.ts';
import { program } from '../program.ts';
import { LiveYard } from '../yard.ts';

/* The real Claude Code works in sessions of tmux, with a scripted model behind it. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const open = () => LiveYard.open(claude(), { agent: { allowed_tools: ['Bash'] } });

test('a task is worked on with tools in a session, and its result comes home with all that is known of it', async () => {
  yard = await open();
  const play = yard.stage.put(
    'port',
    { say: 'I look first.', uses: [bash('pwd')] },
    ({ answers }) => {
      expect(answers[0]).toEqual({ text: yard.shop, isError: false });
      return { uses: [write(join(yard.shop, 'server.ts'), 'listen(8080);\n')] };
    },
    { say: 'The server listens on 8080 now.', usage: { input: 1_234, output: 56 } },
  );
  await yard.enqueue('port', `Move the server to port 8080. ${play}`);
  expect(await yard.ended('port')).toMatchObject({
    state: 'done',
    result: { text: 'The server listens on 8080 now.' },
  });
  expect(readFileSync(join(yard.shop, 'server.ts'), 'utf8')).toBe('listen(8080);\n');
  const { conversation, model } = yard.stage.seen.findLast(({ play: of }) => of === 'port') ?? {};
  const file = yard.file('done', 'port');
  for (const line of [
    'status: completed',
    'agent: live-',
    `model: ${model}`,
    'input_tokens: 1434', // of all three answers
    'output_tokens: 76',
  ])
    expect(file).toContain(line);
  expect(file).toMatch(new RegExp(`session_id: "?${conversation}"?\n`)); // some need quotes in YAML
  expect(yard.stage.reached('Move the server')).toBe(1);
}, 120_000);

test('a task is not done while something that it started in the background runs', async () => {
  yard = await open();
  const gate = join(yard.shop, 'open');
  const play = yard.stage.put(
    'build',
    { uses: [inBackground(`until [ -e '${gate}' ]; do command sleep 0.1; done; echo built`)] },
    { say: 'The build is under way.' },
    { say: 'The build is done.' },
  );
  await yard.enqueue('build', `Build it. ${play}`);
  await expect.poll(() => yard.stage.seen.filter(({ play: of }) => of === 'build').length, { timeout: 30_000 }).toBe(2);
  const waiting = await yard.client.one('shop', 'build', { wait_seconds: 4 });
  expect(waiting.state).toBe('running');
  await yard.world.cli(['status']); // whoever looks meanwhile ends nothing
  writeFileSync(gate, '');
  expect(await yard.ended('build')).toMatchObject({ state: 'done', result: { text: 'The build is done.' } });
}, 120_000);

test('a prompt of forty kilobytes reaches the model byte for byte, and nothing in it is executed', async () => {
  yard = await open();
  const trap = join(yard.world.root, 'trap');
  const strange = [
    `it's "quoted", \`touch ${trap}\`, $(touch ${trap}), \${HOME} $HOME !! \\n \\\\`,
    `#{pane_id} #(touch ${trap}) %% ;; && || | > < * ~`,
    'émoji 🎉👩‍👩‍👧 日本語 — “quotes”',
    '\ttabs\tand   blanks',
    '<tag attribute="1"> & </system-reminder>',
    '',
    '- [ ] an item',
  ];
  const lines: string[] = [];
  for (let size = 0; size < 40_000; ) {
    const line = `${lines.length} ${strange[lines.length % strange.length]}`;
    lines.push(line);
    size += Buffer.byteLength(line) + 1;
  }
  const body = lines.join('\n');
  await yard.enqueue('long', `${body}\n${yard.stage.put('long', { say: 'Read.' })}`);
  expect(await yard.ended('long')).toMatchObject({ state: 'done' });
  expect(yard.stage.seen.some(({ prompts }) => prompts.some((prompt) => prompt.includes(body)))).toBe(true);
  expect(existsSync(trap)).toBe(false);
}, 120_000);

test('twenty tasks over three sessions: each exactly once', async () => {
  yard = await open();
  const ids = Array.from({ length: 20 }, (_, n) => `task-${n}`);
  const tasks = ids.map((id) => {
    const play = yard.stage.put(
      id,
      { uses: [bash(`echo ${id} >> '${join(yard.shop, 'log')}'`)] },
      { say: `${id} is done.` },
    );
    return { id, body: `This is the work of ${id}, no more. ${play}`, mode: 'session', group: 'all' };
  });
  await yard.client.ask('enqueue_task', { project: 'shop', tasks });
  for (const id of ids) {
    expect(await yard.ended(id)).toMatchObject({ state: 'done', result: { text: `${id} is done.` }, attempts: 1 });
    expect(yard.stage.reached(`work of ${id},`)).toBe(1);
  }
  expect(readFileSync(join(yard.shop, 'log'), 'utf8').trim().split('\n').sort()).toEqual([...ids].sort());
  const used = (await yard.sessions()).filter(({ name }) => name.startsWith('live-'));
  expect(used.length).toBeLessThanOrEqual(3);
}, 300_000);

test('a conversation goes on in the task that continues it', async () => {
  yard = await open();
  await yard.enqueue('plan', `Make a plan. ${yard.stage.put('plan', { say: 'Plan: two steps.' })}`);
  await yard.ended('plan');
  await yard.enqueue('next', `Carry it out. ${yard.stage.put('next', { say: 'Both steps are done.' })}`, {
    continues: 'plan',
  });
  expect(await yard.ended('next')).toMatchObject({ state: 'done', result: { text: 'Both steps are done.' } });
  const last = yard.stage.seen.findLast(({ play }) => play === 'next');
  expect(last?.prompts.some((prompt) => prompt.includes('Make a plan.'))).toBe(true);
  expect(last?.conversation).toBe(yard.stage.seen.find(({ play }) => play === 'plan')?.conversation);
}, 120_000);
