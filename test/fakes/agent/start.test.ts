import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Stage } from './stage.ts';

const ID = '0f0f0f0f-1111-4222-8333-444444444444';

test('a task from the command line is done: hooks, transcript, file and state as of the real one', async () => {
  const stage = new Stage();
  const pane = await stage.start({
    id: ID,
    mode: 'acceptEdits',
    prompt: '[[say:Working.]][[write:log:once]][[bash:echo out; pwd]][[say:All done]]',
  });
  const stop = await stage.heard('Stop');
  await pane.says('idle');
  expect(stop).toMatchObject({ session_id: ID, last_assistant_message: 'All done', background_tasks: [] });
  expect(stage.events()).toEqual([
    'SessionStart',
    'UserPromptSubmit',
    ...['PreToolUse', 'PostToolUse', 'PreToolUse', 'PostToolUse'],
    'Stop',
  ]);
  expect(stage.lines('log')).toEqual(['once']);
  expect(stage.reports('PostToolUse')[1]?.tool_response).toMatchObject({ stdout: `out\n${stage.project}\n` });
  const answers = stage.transcript(ID).filter(({ type }) => type === 'assistant');
  expect(answers.map(({ message }) => message?.stop_reason)).toEqual(['tool_use', 'tool_use', 'tool_use', 'end_turn']);
  expect(answers[0]?.message?.id).toBe(answers[1]?.message?.id); // one answer, two blocks, one usage
  expect(answers[1]?.message?.id).not.toBe(answers[2]?.message?.id);
  expect(answers.every(({ isSidechain }) => isSidechain === false)).toBe(true);
});

test('a long prompt with everything in it arrives byte for byte', async () => {
  const stage = new Stage();
  const line = `"quotes" 'single' $(touch no) \`touch no\` \\ é ✓ 日本 🎉 #{pid} %s\n`;
  const prompt = `${line.repeat(180)}[[say:read]]`;
  await stage.start({ prompt });
  expect((await stage.heard('UserPromptSubmit')).prompt).toBe(prompt);
  expect(stage.lines('no')).toEqual([]);
});

test('an id in use and an unknown one are refused', async () => {
  const stage = new Stage();
  await stage.start({ id: ID, prompt: '[[say:first]]' });
  await stage.heard('Stop');
  const again = await stage.start({ id: ID, prompt: '[[say:again]]' });
  expect(await again.ended()).toBe('1');
  await again.shows(`Session ID ${ID} is already in use`);
  const unknown = await stage.start({ args: ['--resume', ID.replace('0f', '1f')] });
  expect(await unknown.ended()).toBe('1');
  await unknown.shows('No conversation found');
  const wrong = await stage.start({ args: ['--project', 'x'] });
  expect(await wrong.ended()).toBe('1');
  await wrong.shows("unknown option '--project'");
});

test('an option with many values takes a prompt that follows it', async () => {
  const stage = new Stage();
  const pane = await stage.start({ args: ['--allowedTools', 'Bash', 'Write', '[[say:lost]]'] });
  await pane.ready();
  expect(stage.reports('UserPromptSubmit')).toEqual([]);
});

test('nothing happens in a folder that nobody trusts, and a blind Enter leaves', async () => {
  const stage = new Stage();
  stage.accept(stage.config, []);
  const pane = await stage.start({ prompt: '[[write:log:no]]' });
  await pane.shows('❯ No, exit');
  expect(pane.state()).toBeUndefined();
  await pane.press('Enter');
  expect(await pane.ended()).toBe('1');
  expect(stage.events()).toEqual([]);
  const asked = await stage.start({ prompt: '[[write:log:yes]]' });
  await asked.shows('Yes, I trust this folder');
  await asked.press('Down', 'Enter');
  await stage.heard('UserPromptSubmit');
  const said = JSON.parse(readFileSync(join(stage.config, '.claude.json'), 'utf8'));
  expect(said.projects[stage.project].hasTrustDialogAccepted).toBe(true);
});

test('without its onboarding, or as root without a sandbox, it ends at once', async () => {
  const stage = new Stage();
  const fresh = await stage.start({ config: join(stage.root, 'nowhere') });
  expect(await fresh.ended()).toBe('1');
  await fresh.shows('Unable to connect to Anthropic services');
  if (process.getuid?.() !== 0) return;
  const root = await stage.start({ mode: 'bypassPermissions', env: { IS_SANDBOX: '' } });
  expect(await root.ended()).toBe('1');
  await root.shows('cannot be used with root');
});
